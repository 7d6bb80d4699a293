import { newId, runAs, servicePrincipal } from '@agent-hive/kernel';
import { principal, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import { AnswersService } from '@agent-hive/trust';
import { actionsOf, anAgent, by, communicationApp } from './mail-world.js';

describe('notifications', () => {
  let hive: TestApp;
  let user: { id: string };
  let agent: { id: string };
  beforeAll(async () => {
    hive = await communicationApp();
  });
  beforeEach(async () => {
    user = (await hive.post<{ id: string }>('/v1/users', { email: `${newId()}@example.com` })).body;
    agent = await anAgent(hive);
  });
  afterAll(() => hive.close());

  type Told = { id: string; title: string; readAt: string | null };
  const tell = (body: object, request: TestRequest = {}) => hive.post<{ notification: Told | null; code?: string }>('/v1/notifications', { kind: 'message', title: 'hello', ...body }, request);
  const list = async (query: string, request: TestRequest = {}) => (await hive.get<{ items: Told[]; total?: number }>(`/v1/notifications?${query}`, request)).body;
  const as = ({ id }: { id: string }): TestRequest => ({ as: { ...hive.me, actor: { type: 'user', id, name: 'a user' } } });
  const prefer = (preferences: object) => hive.put(`/v1/users/${user.id}/preferences/notifications`, { preferences });

  it('tell users and agents, are listed newest first, and are read or not', async () => {
    const first = await tell({ userId: user.id, body: 'more', subject: { type: 'task', id: 'x' }, details: { a: 1 } });
    expect(first).toMatchObject({ status: 201, body: { notification: { userId: user.id, agentId: null, kind: 'message', title: 'hello', body: 'more', subject: { type: 'task', id: 'x' }, details: { a: 1 }, readAt: null } } });
    const second = await tell({ userId: user.id, kind: 'alert', title: 'fire' });
    const toAgent = await tell({ agentId: agent.id });
    expect((await list(`userId=${user.id}`)).items.map((item) => item.title)).toEqual(['fire', 'hello']);
    expect((await list(`agentId=${agent.id}`)).items).toEqual([toAgent.body.notification]);
    const path = `/v1/notifications/${first.body.notification!.id}/read`;
    const read = await hive.put<Told>(path);
    expect(read).toMatchObject({ status: 200, body: { readAt: expect.any(String) } });
    expect((await hive.put<Told>(path)).body).toEqual(read.body);
    expect(await list(`userId=${user.id}&unread=true&total=true`)).toMatchObject({ items: [second.body.notification], total: 1 });
    expect(await hive.post('/v1/notifications/read-all', { userId: user.id })).toMatchObject({ status: 200, body: { count: 1 } });
    expect((await hive.post('/v1/notifications/read-all', { userId: user.id })).body).toEqual({ count: 0 });
    expect((await list(`userId=${user.id}&unread=true`)).items).toEqual([]);
    expect((await list(`agentId=${agent.id}&unread=true`)).items).toHaveLength(1);
    expect(await actionsOf(hive, 'notification', first.body.notification!.id)).toEqual(['notification.created', 'notification.read']);
    expect(await actionsOf(hive, 'user', user.id)).toContain('notification.all_read');
  });

  it('come in pages', async () => {
    for (const title of ['one', 'two', 'three']) await tell({ userId: user.id, title });
    const page = await hive.get<{ items: Told[]; nextCursor: string }>(`/v1/notifications?userId=${user.id}&limit=2`);
    expect(page.body.items.map((item) => item.title)).toEqual(['three', 'two']);
    expect((await list(`userId=${user.id}&limit=2&cursor=${page.body.nextCursor}`)).items.map((item) => item.title)).toEqual(['one']);
  });

  it.each([
    ['a kind', { kinds: { message: false } }, ['alert']],
    ['all', { enabled: false }, []],
    ['nothing', { kinds: { message: true, other: false }, enabled: true }, ['message', 'alert']],
    ['something by what is no switch', { kinds: ['message'], enabled: 'no', message: false }, ['message', 'alert']],
  ])('respect that their user turned off %s', async (_, preferences, told) => {
    await prefer(preferences);
    const answers = [];
    for (const kind of ['message', 'alert']) answers.push([kind, (await tell({ userId: user.id, kind, title: kind })).body.notification !== null]);
    expect(answers.filter(([, isTold]) => isTold).map(([kind]) => kind)).toEqual(told);
    expect((await list(`userId=${user.id}`)).items.map((item) => item.title).reverse()).toEqual(told);
  });

  it('are seen and read by their own user and agent only', async () => {
    const other = (await hive.post<{ id: string }>('/v1/users', { email: `${newId()}@example.com` })).body;
    const mine = (await tell({ userId: user.id })).body.notification!;
    await tell({ userId: other.id });
    const agents = (await tell({ agentId: agent.id })).body.notification!;
    expect((await list('', as(user))).items).toEqual([mine]);
    expect((await list('', by(hive, agent))).items).toEqual([agents]);
    expect(await hive.get(`/v1/notifications?userId=${other.id}`, as(user))).toMatchObject({ status: 403, body: { code: 'not-yours' } });
    expect(await hive.get(`/v1/notifications?agentId=${agent.id}`, as(user))).toMatchObject({ status: 403 });
    expect((await hive.put(`/v1/notifications/${agents.id}/read`, {}, as(user))).status).toBe(404);
    expect((await hive.put(`/v1/notifications/${mine.id}/read`, {}, as(user))).status).toBe(200);
    expect((await hive.post('/v1/notifications/read-all', {}, by(hive, agent))).body).toEqual({ count: 1 });
    expect((await hive.post('/v1/notifications/read-all', { userId: other.id }, as(user))).status).toBe(403);
    const stranger = { as: principal() };
    expect((await list('', stranger)).items).toEqual([]);
    expect((await hive.put(`/v1/notifications/${mine.id}/read`, {}, stranger)).status).toBe(404);
    expect(await tell({ userId: user.id }, stranger)).toMatchObject({ status: 404, body: { noun: 'user' } });
  });

  it.each([
    ['to nobody', {}],
    ['to two', { userId: newId(), agentId: newId() }],
    ["of one of the hive's own kinds", { userId: newId(), kind: 'interaction.answered' }],
    ['without a title', { userId: newId(), title: '' }],
    ['of too many details', { userId: newId(), details: { x: 'x'.repeat(17_000) } }],
  ])('are refused %s', async (_, body) => {
    expect(await tell(body)).toMatchObject({ status: 422, body: { code: 'invalid' } });
  });

  it('are refused to those that are not there, and when nobody is named whose are to be read', async () => {
    expect(await tell({ userId: newId() })).toMatchObject({ status: 404, body: { noun: 'user' } });
    expect(await tell({ agentId: newId() })).toMatchObject({ status: 404, body: { noun: 'agent' } });
    expect((await hive.post('/v1/notifications/read-all', {})).status).toBe(422);
    expect((await hive.put(`/v1/notifications/${newId()}/read`)).status).toBe(404);
  });

  it('go with their user, which the record counts, and keep an agent', async () => {
    await tell({ userId: user.id });
    await tell({ userId: user.id });
    expect((await hive.delete(`/v1/users/${user.id}`, { headers: { 'if-match': '*' } })).status).toBe(204);
    const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?action=notification.user_deleted&subjectId=${user.id}`);
    expect(body.items).toMatchObject([{ details: { count: 2 } }]);
    await tell({ agentId: agent.id });
    expect(await hive.delete(`/v1/agents/${agent.id}`, { headers: { 'if-match': '*' } })).toMatchObject({ status: 409, body: { counts: { 'communication.notification': 1 } } });
  });

  it('tell of interactions: of a new one those users who want to know, of its end the agent who asked', async () => {
    const ask = async (body: object = {}) =>
      (await hive.post<{ id: string }>('/v1/interactions', { type: 'approval_request', content: 'May I?', agentId: agent.id, action: { name: 'deploy', parameters: {} }, ...body })).body;
    const first = await ask();
    expect((await list(`userId=${user.id}`)).items).toEqual([]);
    await prefer({ kinds: { 'interaction.opened': true } });
    const second = await ask();
    expect((await list(`userId=${user.id}`)).items).toMatchObject([{ kind: 'interaction.opened', title: 'An agent asks for an approval', subject: { type: 'interaction', id: second.id }, details: { agentId: agent.id } }]);
    expect((await hive.post(`/v1/interactions/${first.id}/response`, { status: 'approved' })).status).toBe(200);
    expect((await hive.post(`/v1/interactions/${second.id}/cancellation`, { reason: 'no need' })).status).toBe(200);
    expect((await list(`agentId=${agent.id}`)).items).toMatchObject([{ kind: 'interaction.cancelled', subject: { id: second.id } }, { kind: 'interaction.answered', details: { status: 'approved' }, subject: { id: first.id } }]);
    const third = await ask({ expiresInSeconds: 1 });
    await runAs(hive.orm.em, servicePrincipal(hive.me.tenantId, 'job:interactions'), () => hive.app.get(AnswersService, { strict: false }).expire(new Date(Date.now() + 2_000)));
    expect((await list(`agentId=${agent.id}`)).items[0]).toMatchObject({ kind: 'interaction.expired', subject: { id: third.id } });
  });
});
