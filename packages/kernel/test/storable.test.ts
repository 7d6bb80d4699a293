import { requireStorable } from '../src/http/storable-check.js';

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));

describe('what a request may contain', () => {
  it.each([
    ['a NUL character in a text', { a: { b: 'x\0y' } }, '/a/b'],
    ['a NUL character in a name', { a: { 'b\0': 1 } }, '/a'],
    ['a number out of range', { n: Infinity }, '/n'],
    ['half of a surrogate pair', ['ok', '\ud800'], '/1'],
  ])('refuses %s and points to it', (_, value, pointer) => {
    expect(() => requireStorable(value)).toThrow(expect.objectContaining({ kind: 'invalid', errors: [expect.objectContaining({ pointer })] }));
  });

  it('takes 64 levels of JSON, refuses 65, and survives 200,000', () => {
    expect(() => requireStorable(nested(64))).not.toThrow();
    expect(() => requireStorable(nested(65))).toThrow('64 levels');
    expect(() => requireStorable(nested(200_000))).toThrow('64 levels');
  });

  it('takes any Unicode, names of prototypes, and null', () => {
    expect(() => requireStorable({ text: '\u{1F41D}', constructor: { prototype: null } })).not.toThrow();
  });
});
