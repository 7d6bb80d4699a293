import { setTimeout as pause } from 'node:timers/promises';
import { newId, runAs } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { SessionsService, type SessionDto } from '../src/index.js';
import { agentsApp, anAgent, aSession } from './world.js';

interface Problem {
  status: number;
  code: string;
  from?: string;
  to?: string;
  allowed?: string[];
  errors?: { pointer: string; message: string }[];
}

describe('sessions', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await agentsApp();
  });
  afterAll(() => hive.close());

  const patch = (session: SessionDto, body: object, version: string = `"${session.version}"`) => hive.patch<SessionDto & Problem>(`/v1/sessions/${session.id}`, body, { headers: { 'if-match': version } });
  const aUser = async () => (await hive.post<{ id: string }>('/v1/users', { email: `${newId()}@example.com` })).body;
  const soon = (ms: number) => new Date(Date.now() + ms).toISOString();

  describe('a start', () => {
    it('reads back with its defaults, Location and ETag, by id and by external id [S4.22-S4.28, S4.31, S3.66-S3.71, S5.13, S5.16, S5.31, S4.121]', async () => {
      const [agent, user, externalId] = [await anAgent(hive), await aUser(), newId()];
      const made = await hive.post<SessionDto>('/v1/sessions', { agentId: agent.id, userId: user.id, externalId, name: 'Support', platform: 'slack', context: { topic: 'refund' }, sessionMetadata: { channel: 'C1' } });
      expect(made.status).toBe(201);
      expect(made.headers.get('location')).toBe(`/v1/sessions/${made.body.id}`);
      expect(made.headers.get('etag')).toBe('"1"');
      expect(made.body).toMatchObject({
        agentId: agent.id, userId: user.id, externalId, name: 'Support', platform: 'slack', state: 'active', trustLevel: 'L0', context: { topic: 'refund' }, sessionMetadata: { channel: 'C1' },
        continues: null, forkedFrom: null, lastSequence: 0, messageCount: 0, tokensUsed: 0, lastMessageAt: null, endedAt: null, expiresAt: null, version: 1,
      });
      expect(Date.now() - Date.parse(made.body.startedAt)).toBeLessThan(60_000);
      expect((await hive.get(`/v1/sessions/${made.body.id}`)).body).toEqual(made.body);
      expect((await hive.get(`/v1/sessions/by-external-id/${externalId}`)).body).toEqual(made.body);
      const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?sessionId=${made.body.id}`);
      expect(body.items).toMatchObject([{ action: 'session.created', agentId: agent.id, sessionId: made.body.id, newState: { trustLevel: 0, userId: user.id } }]);
    });

    it('may set the ceiling of trust from L0 to L4, and no other [S4.26]', async () => {
      for (const trustLevel of ['L0', 'L1', 'L2', 'L3', 'L4']) expect(await aSession(hive, { trustLevel })).toMatchObject({ trustLevel });
      for (const trustLevel of ['L5', 2, '2', null]) expect((await hive.post('/v1/sessions', { trustLevel })).status).toBe(trustLevel === null ? 201 : 422);
    });

    it.each([
      ['an unknown field', { colour: 'red' }, 422, 'invalid'],
      ['a context over 64 KiB', { context: { a: 'x'.repeat(65_536) } }, 422, 'invalid'],
      ['a context that is no object', { context: [1] }, 422, 'invalid'],
      ['a moment that has passed', { expiresAt: '2020-01-01T00:00:00Z' }, 422, 'invalid'],
      ['a moment that does not exist', { expiresAt: '2099-02-31T00:00:00Z' }, 422, 'invalid'],
      ['an unknown agent', { agentId: newId() }, 404, 'not-found'],
      ['an unknown user', { userId: newId() }, 404, 'not-found'],
      ['an unknown session to continue', { continues: newId() }, 404, 'not-found'],
    ])('is refused with %s', async (_, body, status, code) => {
      expect((await hive.post<Problem>('/v1/sessions', body)).body).toMatchObject({ status, code });
    });

    it('is refused under an external id that is taken; of 10 at once one has it', async () => {
      const externalId = newId();
      const answers = await Promise.all(Array.from({ length: 10 }, () => hive.post<Problem>('/v1/sessions', { externalId })));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(9).fill(409)]);
      expect(answers.find(({ status }) => status === 409)!.body.code).toBe('conflict');
      await aSession(hive, { externalId }, { as: principal() });
    });

    it('of an agent is its own', async () => {
      const [agent, other] = [await anAgent(hive), await anAgent(hive)];
      const as = { ...hive.me, actor: { type: 'agent' as const, id: agent.id, name: 'agent' } };
      expect(await aSession(hive, {}, { as })).toMatchObject({ agentId: agent.id });
      expect((await hive.post<Problem>('/v1/sessions', { agentId: other.id }, { as })).body).toMatchObject({ status: 403, code: 'not-yours' });
      const theirs = await aSession(hive, { agentId: other.id });
      expect((await hive.patch(`/v1/sessions/${theirs.id}`, { name: 'mine' }, { as, headers: { 'if-match': '*' } })).body).toMatchObject({ status: 403, code: 'not-yours' });
      expect((await hive.post<Problem>('/v1/sessions', { continues: theirs.id }, { as })).body).toMatchObject({ status: 403, code: 'not-yours' });
    });
  });

  describe('context across sessions', () => {
    it('starts with that of the earlier one, over which its own is laid [S4.7]', async () => {
      const user = await aUser();
      const earlier = await aSession(hive, { userId: user.id, context: { topic: 'refund', step: 1 } });
      await patch(earlier, { state: 'completed' });
      const next = await aSession(hive, { continues: earlier.id, context: { step: 2 } });
      expect(next).toMatchObject({ continues: earlier.id, userId: user.id, context: { topic: 'refund', step: 2 } });
      await patch(next, { context: { done: true } });
      expect((await hive.get(`/v1/sessions/${earlier.id}`)).body).toMatchObject({ context: { topic: 'refund', step: 1 } });
      expect(await aSession(hive, { continues: next.id })).toMatchObject({ context: { done: true } });
    });

    it('is not handed from one user to another, nor to another tenant', async () => {
      const earlier = await aSession(hive, { userId: (await aUser()).id, context: { secret: 1 } });
      expect((await hive.post<Problem>('/v1/sessions', { continues: earlier.id, userId: (await aUser()).id })).body).toMatchObject({ status: 409, code: 'another-user' });
      expect((await hive.post<Problem>('/v1/sessions', { continues: earlier.id }, { as: principal() })).body).toMatchObject({ status: 404, code: 'not-found' });
    });
  });

  describe('states', () => {
    it('go along the table, and an end is one [S4.29, S4.30]', async () => {
      const session = await aSession(hive);
      const paused = await patch(session, { state: 'paused' });
      expect(paused.body).toMatchObject({ state: 'paused', version: 2, endedAt: null });
      const active = await patch(paused.body, { state: 'active' });
      const completed = await patch(active.body, { state: 'completed' });
      expect(completed.body).toMatchObject({ state: 'completed', endedAt: expect.any(String) });
      expect((await patch(completed.body, { state: 'active' })).body).toMatchObject({ status: 409, code: 'session-ended', from: 'completed', to: 'active', allowed: [] });
      expect((await patch(completed.body, { context: {} })).body).toMatchObject({ status: 409, code: 'session-ended' });
      const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?sessionId=${session.id}&action=session.updated`);
      expect(body.items).toHaveLength(3);
    });

    it('cannot be expired by a caller, who is told what may follow', async () => {
      const session = await aSession(hive);
      expect((await patch(session, { state: 'expired' })).body).toMatchObject({ status: 409, code: 'illegal-transition', from: 'active', to: 'expired', allowed: ['paused', 'completed', 'terminated'] });
      expect((await patch(session, { state: 'asleep' })).body).toMatchObject({ status: 422, errors: [{ pointer: '/state' }] });
    });

    it('end with the time of the session, before anybody marks it [S4.137]', async () => {
      const session = await aSession(hive, { expiresAt: soon(150) });
      await pause(200);
      expect((await patch(session, { name: 'late' })).body).toMatchObject({ status: 409, code: 'session-ended', state: 'expired' });
      expect((await hive.get(`/v1/sessions/${session.id}`)).body).toMatchObject({ state: 'expired', endedAt: session.expiresAt, version: 1 });
      const swept = await runAs(hive.orm.em, hive.me, () => hive.app.get(SessionsService, { strict: false }).sweep());
      expect(swept).toBeGreaterThanOrEqual(1);
      expect((await hive.get(`/v1/sessions/${session.id}`)).body).toMatchObject({ state: 'expired', endedAt: session.expiresAt, version: 2 });
      expect(await runAs(hive.orm.em, hive.me, () => hive.app.get(SessionsService, { strict: false }).sweep())).toBe(0);
      const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?sessionId=${session.id}&action=session.expired`);
      expect(body.items).toMatchObject([{ previousState: { state: 'active' }, newState: { state: 'expired' } }]);
    });

    it('last longer when the end is moved in time', async () => {
      const session = await aSession(hive, { expiresAt: soon(60_000) });
      expect((await patch(session, { expiresAt: '2020-01-01T00:00:00Z' })).body).toMatchObject({ status: 422, errors: [{ pointer: '/expiresAt' }] });
      expect((await patch(session, { expiresAt: null })).body).toMatchObject({ expiresAt: null, version: 2 });
    });
  });

  describe('a change', () => {
    it('needs the version it builds on, and of 10 at once one is made [S4.121, S4.130]', async () => {
      const session = await aSession(hive);
      expect((await hive.patch<Problem>(`/v1/sessions/${session.id}`, { name: 'x' })).body).toMatchObject({ status: 428 });
      const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => patch(session, { context: { n } })));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(412)]);
      expect((await hive.get(`/v1/sessions/${session.id}`)).body.version).toBe(2);
    });

    it('takes the place of the whole context', async () => {
      const session = await aSession(hive, { context: { a: 1, b: { c: 2 } } });
      expect((await patch(session, { context: { b: { d: 3 } } })).body.context).toEqual({ b: { d: 3 } });
    });
  });

  describe('lists', () => {
    it('are by agent, user, external id, name and state [S5.13, S5.24, S5.25]', async () => {
      const me = principal();
      const as = { as: me };
      const agent = await anAgent(hive, {}, as);
      const user = (await hive.post<{ id: string }>('/v1/users', { email: 'u@example.com' }, as)).body;
      const externalId = newId();
      const named = await aSession(hive, { name: 'daily', externalId, agentId: agent.id }, as);
      const over = await aSession(hive, { userId: user.id, expiresAt: soon(50) }, as);
      const plain = await aSession(hive, {}, as);
      await pause(80);
      const ids = async (query: string) => (await hive.get<{ items: SessionDto[] }>(`/v1/sessions?${query}`, as)).body.items.map(({ id }) => id);
      expect(await ids('')).toEqual([plain.id, over.id, named.id]);
      expect(await ids('name=daily')).toEqual([named.id]);
      expect(await ids(`externalId=${externalId}`)).toEqual([named.id]);
      expect(await ids(`agentId=${agent.id}`)).toEqual([named.id]);
      expect(await ids(`userId=${user.id}`)).toEqual([over.id]);
      expect(await ids('state=active')).toEqual([plain.id, named.id]);
      expect(await ids('state=expired')).toEqual([over.id]);
      expect(await ids('state=paused')).toEqual([]);
      const first = (await hive.get<{ items: SessionDto[]; nextCursor: string; total: number }>('/v1/sessions?limit=2&total=true', as)).body;
      expect([first.total, first.items.length]).toEqual([3, 2]);
      expect(await ids(`limit=2&cursor=${first.nextCursor}`)).toEqual([named.id]);
    });
  });

  describe('what they refer to', () => {
    it('an agent with sessions is not deleted, and told how many', async () => {
      const agent = await anAgent(hive);
      await aSession(hive, { agentId: agent.id });
      expect((await hive.delete(`/v1/agents/${agent.id}`, { headers: { 'if-match': '*' } })).body).toMatchObject({ status: 409, code: 'has-history', counts: { 'agents.session': 1 } });
    });

    it('a user who goes is taken out of them, and the record says so [S4.25, S5.24]', async () => {
      const user = await aUser();
      const session = await aSession(hive, { userId: user.id });
      expect((await hive.delete(`/v1/users/${user.id}`, { headers: { 'if-match': '*' } })).status).toBe(204);
      expect((await hive.get(`/v1/sessions/${session.id}`)).body).toMatchObject({ userId: null, version: 2 });
      const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?sessionId=${session.id}&action=session.updated`);
      expect(body.items).toMatchObject([{ previousState: { user: user.id }, newState: { user: null } }]);
    });

    it('no session is left of a user who goes meanwhile', async () => {
      for (let i = 0; i < 10; i++) {
        const user = await aUser();
        const [made, gone] = await Promise.all([hive.post<SessionDto>('/v1/sessions', { userId: user.id }), hive.delete(`/v1/users/${user.id}`, { headers: { 'if-match': '*' } })]);
        expect(gone.status).toBe(204);
        expect([201, 404]).toContain(made.status);
        if (made.status === 201) expect((await hive.get(`/v1/sessions/${made.body.id}`)).body.userId).toBeNull();
      }
    });
  });

  it('of another tenant are as if they were not', async () => {
    const session = await aSession(hive, { externalId: newId() });
    const as = principal();
    expect((await hive.get(`/v1/sessions/${session.id}`, { as })).status).toBe(404);
    expect((await hive.get(`/v1/sessions/by-external-id/${session.externalId}`, { as })).status).toBe(404);
    expect((await hive.patch(`/v1/sessions/${session.id}`, { name: 'x' }, { as, headers: { 'if-match': '*' } })).status).toBe(404);
    expect((await hive.get<{ items: object[] }>('/v1/sessions', { as })).body.items).toEqual([]);
  });
});
