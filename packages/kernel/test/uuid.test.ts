import { idFloor, idTime, isUuid, newId, requireUuid } from '../src/index.js';

describe('ids', () => {
  it('are strictly ascending within a process, and tell their millisecond', () => {
    const before = Date.now();
    const ids = Array.from({ length: 1_000 }, newId);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(1_000);
    for (const id of [ids[0]!, ids.at(-1)!]) {
      expect(idTime(id)!.getTime()).toBeGreaterThanOrEqual(before);
      expect(idTime(id)!.getTime()).toBeLessThanOrEqual(Date.now());
    }
    expect(idTime('3f2b1c04-5f0e-4d0a-9b5e-0123456789ab')).toBeNull();
  });

  it('have a smallest one for each instant', () => {
    const at = new Date('2026-11-23T12:00:00.123Z');
    expect(idTime(idFloor(at))).toEqual(at);
    expect(idFloor(at) < idFloor(new Date(at.getTime() + 1))).toBe(true);
  });

  it.each([
    ['a UUIDv7', newId()],
    ['any other version', '3f2b1c04-5f0e-4d0a-9b5e-0123456789ab'],
    ['capital letters', '3F2B1C04-5F0E-4D0A-9B5E-0123456789AB'],
  ])('are taken as they come, in small letters: %s [S5.39, S5.77]', (_, text) => {
    expect(requireUuid(text, 'id')).toBe(text.toLowerCase());
    expect(isUuid(text)).toBe(true);
  });

  it.each(['', 'not-a-uuid', '3f2b1c045f0e4d0a9b5e0123456789ab', `${newId()}'; drop table agents.agent; --`, ` ${newId()}`])('are refused with the field when they are none: %j [S5.39, S5.77]', (text) => {
    expect(isUuid(text)).toBe(false);
    expect(() => requireUuid(text, 'agentId')).toThrow(expect.objectContaining({ kind: 'invalid', errors: [{ pointer: '/agentId', message: 'must be a UUID' }] }));
  });

  it('has bounds for instants before the first id and after the last', () => {
    expect(idFloor(new Date('0001-01-01T00:00:00Z'))).toBe('00000000-0000-7000-8000-000000000000');
    expect(idFloor(new Date(8.64e15))).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7000-8000-000000000000$/);
  });
});
