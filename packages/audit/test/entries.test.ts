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
    ['what the hive records itself', { actionType: 'entry.deleted' }, '/actionType'],
    ['the same in other letters', { actionType: ' Entry.Created' }, '/actionType'],
    ['a malformed agent id', { agentId: 'x' }, '/agentId'],
  ])('refuses %s and names the field', async (_, overrides, pointer) => {
    const answer = await hive.post<{ errors: { pointer: string }[]; code: string }>('/v1/audit/entries', action(overrides));
    expect(answer.status).toBe(422);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body.errors.map((e) => e.pointer)).toContain(pointer);
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
