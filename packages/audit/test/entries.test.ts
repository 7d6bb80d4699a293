import { newId } from '@agent-hive/kernel';
import { principal, testApp, type TestApp } from '@agent-hive/kernel/testing';
import { auditDomain, AuditModule, CaptureSubscriber } from '../src/index.js';

interface EntryBody {
  id: string;
  action: string;
  occurredAt: string;
}

describe('audit entries', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await testApp({ domains: [auditDomain], modules: [AuditModule], subscribers: [new CaptureSubscriber()] });
  });
  afterAll(() => hive.close());

  const action = (overrides: object = {}) => ({ agentId: newId(), actionType: 'file.deleted', actionDetails: { path: 'a.txt' }, riskLevel: 'medium', ...overrides });

  it("records an agent's own action with risk, details, address and client [S4.8, S4.71-S4.77, S4.79-S4.81, S3.111-S3.119]", async () => {
    const input = action({ sessionId: newId() });
    const made = await hive.post('/v1/audit/entries', input, { headers: { 'user-agent': 'probe/1', 'x-request-id': 'req-7' } });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/v1/audit/entries/${made.body.id as string}`);
    expect(made.body).toMatchObject({
      action: 'file.deleted', agentId: input.agentId, subject: { type: 'agent', id: input.agentId }, risk: 'medium',
      details: { path: 'a.txt' }, userAgent: 'probe/1', requestId: 'req-7', ip: '127.0.0.1', actor: { type: 'service', name: 'test' },
    });
    expect((await hive.get(`/v1/audit/entries/${made.body.id as string}`)).body).toEqual(made.body);
  });

  it('names the user that did it, and lists what a user did [S4.78]', async () => {
    const me = principal();
    const userId = newId();
    const user = principal({ tenantId: me.tenantId, actor: { type: 'user', id: userId, name: 'Ada' } });
    const made = await hive.post('/v1/audit/entries', action(), { as: user });
    expect(made.body).toMatchObject({ actor: { type: 'user', id: userId, name: 'Ada' } });
    await hive.post('/v1/audit/entries', action(), { as: me });
    const listed = async (actorId: string) => (await hive.get<{ items: EntryBody[] }>(`/v1/audit/entries?actorId=${actorId}`, { as: me })).body.items.map(({ id }) => id);
    expect(await listed(userId)).toEqual([made.body.id]);
    expect(await listed(newId())).toEqual([]);
  });

  it('pages newest first by keyset, without a gap or a repeat while entries are added [S5.71]', async () => {
    const me = principal();
    for (let i = 0; i < 5; i++) await hive.post('/v1/audit/entries', action({ actionType: `step.${i}` }), { as: me });
    const first = await hive.get<{ items: EntryBody[]; nextCursor: string }>('/v1/audit/entries?limit=2&total=true', { as: me });
    expect(first.body).toMatchObject({ total: 5 });
    await hive.post('/v1/audit/entries', action({ actionType: 'late' }), { as: me });
    const second = await hive.get<{ items: EntryBody[]; nextCursor: string }>(`/v1/audit/entries?limit=2&cursor=${first.body.nextCursor}`, { as: me });
    const third = await hive.get<{ items: EntryBody[]; nextCursor: null }>(`/v1/audit/entries?limit=2&cursor=${second.body.nextCursor}`, { as: me });
    expect([...first.body.items, ...second.body.items, ...third.body.items].map((e) => e.action)).toEqual(['step.4', 'step.3', 'step.2', 'step.1', 'step.0']);
    expect(third.body.nextCursor).toBeNull();
  });

  it.each([
    ['an unknown risk', { riskLevel: 'huge' }, '/riskLevel'],
    ['an unknown field', { colour: 'red' }, '/colour'],
    ['details that are no object', { actionDetails: [1] }, '/actionDetails'],
    ['details over 64 KiB', { actionDetails: { diff: 'x'.repeat(65_536) } }, '/actionDetails'],
    ['what the hive records itself', { actionType: 'entry.deleted' }, '/actionType'],
    ['the same in other letters', { actionType: ' Entry.Created' }, '/actionType'],
    ['a malformed agent id', { agentId: 'x' }, '/agentId'],
  ])('refuses %s and names the field', async (_, overrides, pointer) => {
    const answer = await hive.post<{ errors: { pointer: string }[]; code: string }>('/v1/audit/entries', action(overrides));
    expect(answer.status).toBe(422);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body.errors.map((e) => e.pointer)).toContain(pointer);
  });

  it.each(['from=1', 'to=', 'to=2026-01-01', 'from=2026-01-01T00:00:00', 'from=2026-02-30T00:00:00Z', 'to=yesterday'])('refuses %s, which is no moment with its time zone', async (query) => {
    const field = query.slice(0, query.indexOf('='));
    const answer = await hive.get<{ errors: object[] }>(`/v1/audit/entries?${query}`);
    expect([answer.status, answer.body.errors]).toEqual([422, [expect.objectContaining({ pointer: `/${field}`, message: expect.stringContaining('with its time zone') })]]);
  });

  it('lists from one moment, which is in it, to another, which is not, in any time zone', async () => {
    const me = principal();
    const made = (await hive.post<EntryBody>('/v1/audit/entries', action(), { as: me })).body;
    const at = Date.parse(made.occurredAt);
    const inZone = (ms: number) => encodeURIComponent(new Date(ms + 7_200_000).toISOString().replace('Z', '+02:00'));
    const ids = async (query: string) => (await hive.get<{ items: EntryBody[] }>(`/v1/audit/entries?${query}`, { as: me })).body.items.map(({ id }) => id);
    // The id is minted just before the entry is written.
    expect(await ids(`from=${inZone(at - 60_000)}&to=${inZone(at + 60_000)}`)).toEqual([made.id]);
    expect(await ids(`from=${inZone(at + 60_000)}`)).toEqual([]);
    expect(await ids(`to=${inZone(at - 60_000)}`)).toEqual([]);
    expect(await ids('from=1000-01-01T00:00:00Z&to=9999-12-31T23:59:59Z')).toEqual([made.id]);
  });

  it('names the risks that there are', async () => {
    const { body } = await hive.post<{ errors: object[] }>('/v1/audit/entries', action({ riskLevel: 'huge' }));
    expect(body.errors).toEqual([{ pointer: '/riskLevel', message: 'riskLevel must be one of: low, medium, high, critical' }]);
  });

  it("refuses an agent that speaks for another", async () => {
    const id = newId();
    const agent = principal({ actor: { type: 'agent', id, name: 'a' } });
    expect((await hive.post('/v1/audit/entries', action(), { as: agent })).body).toMatchObject({ status: 403, code: 'not-yours' });
    expect((await hive.post('/v1/audit/entries', action({ agentId: id }), { as: agent })).status).toBe(201);
  });
});
