import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { actionsOf, anAgent, by, communicationApp, receive, send, trySend } from './mail-world.js';

describe('topics', () => {
  let hive: TestApp;
  let ann: { id: string };
  let bob: { id: string };
  let eve: { id: string };
  let topic: string;
  beforeAll(async () => {
    hive = await communicationApp();
  });
  beforeEach(async () => {
    [ann, bob, eve] = [await anAgent(hive), await anAgent(hive), await anAgent(hive)];
    topic = `builds ${newId()}`;
    await hive.put(path(), { description: 'what was built' });
  });
  afterAll(() => hive.close());

  const path = (rest = '', name = topic) => `/v1/topics/${encodeURIComponent(name)}${rest}`;
  const subscribe = (agent: { id: string }, request = {}) => hive.put(path(`/subscriptions/${agent.id}`), {}, request);

  it('are made once and described again', async () => {
    expect(await hive.put(path('', `new ${topic}`))).toMatchObject({ status: 201, body: { name: `new ${topic}`, description: null, subscriberCount: 0 } });
    expect(await hive.put(path(), { description: 'builds' })).toMatchObject({ status: 200, body: { description: 'builds' } });
    expect((await hive.get(path())).body).toMatchObject({ name: topic, description: 'builds' });
    expect(await hive.get(path('', 'missing'))).toMatchObject({ status: 404, body: { noun: 'topic' } });
    const first = await hive.get<{ items: { name: string }[]; nextCursor: string }>('/v1/topics?limit=1&total=true');
    const second = await hive.get<{ items: { name: string }[] }>(`/v1/topics?limit=1&cursor=${first.body.nextCursor}`);
    expect(first.body.items[0]!.name < second.body.items[0]!.name).toBe(true);
    expect(await actionsOf(hive, 'topic', topic)).toEqual(['topic.updated', 'topic.updated']);
  });

  it('carry a message to each agent that is subscribed when it is sent, to nobody else, and to each once', async () => {
    await subscribe(bob);
    await subscribe(ann);
    const sent = await send(hive, ann, { topic, type: 'event' });
    expect(sent).toMatchObject({ topic, toAgentId: null, recipientCount: 2 });
    await subscribe(eve);
    for (const agent of [ann, bob]) expect(await receive(hive, agent)).toMatchObject([{ messageId: sent.id, message: { topic } }]);
    expect(await receive(hive, eve)).toEqual([]);
    expect((await hive.get<{ items: object[]; total: number }>(`/v1/agent-messages/${sent.id}/deliveries?total=true`)).body).toMatchObject({ total: 2, nextCursor: null });
    expect((await hive.get<{ items: object[] }>(`/v1/agent-messages?topic=${encodeURIComponent(topic)}`)).body.items).toHaveLength(1);
  });

  it('take a message that nobody wants', async () => {
    expect(await send(hive, ann, { topic })).toMatchObject({ recipientCount: 0 });
  });

  it('are answered: a reply to what came by a topic goes to its sender alone', async () => {
    await subscribe(bob);
    const question = await send(hive, ann, { topic, type: 'request' });
    await send(hive, bob, { type: 'reply', replyTo: question.id });
    expect(await receive(hive, ann)).toMatchObject([{ message: { toAgentId: ann.id, correlationId: question.id, topic: null } }]);
    expect(await trySend(hive, { fromAgentId: bob.id, topic, type: 'reply', replyTo: question.id })).toMatchObject({ status: 422 });
  });

  it('are subscribed to and left, once and again, with what was sent before still delivered', async () => {
    const first = await subscribe(bob);
    expect(first).toMatchObject({ status: 200, body: { topic, agentId: bob.id } });
    expect((await subscribe(bob)).body).toEqual(first.body);
    const sent = await send(hive, ann, { topic });
    expect((await hive.get<{ items: object[] }>(path('/subscriptions?total=true'))).body).toMatchObject({ items: [{ agentId: bob.id }], total: 1 });
    expect((await hive.delete(path(`/subscriptions/${bob.id}`))).status).toBe(204);
    expect(await hive.delete(path(`/subscriptions/${bob.id}`))).toMatchObject({ status: 404, body: { noun: 'subscription' } });
    await send(hive, ann, { topic });
    expect(await receive(hive, bob)).toMatchObject([{ messageId: sent.id }]);
    expect(await actionsOf(hive, 'subscription', `${topic}/${bob.id}`)).toEqual(['subscription.created', 'subscription.deleted']);
  });

  it('that are missing cannot be subscribed to, nor by agents that are not there', async () => {
    expect(await hive.put(path(`/subscriptions/${bob.id}`, 'missing'))).toMatchObject({ status: 404, body: { noun: 'topic', id: 'missing' } });
    expect(await subscribe({ id: newId() })).toMatchObject({ status: 404, body: { noun: 'agent' } });
    const as = principal();
    expect(await subscribe(bob, { as })).toMatchObject({ status: 404, body: { noun: 'topic' } });
    await hive.put(path(), {}, { as });
    expect(await subscribe(bob, { as })).toMatchObject({ status: 404, body: { noun: 'agent' } });
    expect((await hive.get(path('/subscriptions', 'missing'))).status).toBe(404);
  });

  it('are subscribed to by agents for themselves only', async () => {
    expect((await subscribe(bob, by(hive, bob))).status).toBe(200);
    expect(await subscribe(eve, by(hive, bob))).toMatchObject({ status: 403, body: { code: 'not-yours' } });
    expect((await hive.delete(path(`/subscriptions/${bob.id}`), by(hive, eve))).status).toBe(403);
  });

  it('go with their subscriptions, which the record counts, and leave what was sent', async () => {
    await subscribe(bob);
    const sent = await send(hive, ann, { topic });
    expect((await hive.delete(path())).status).toBe(204);
    expect((await hive.delete(path())).status).toBe(404);
    expect((await hive.get(`/v1/agent-messages/${sent.id}`)).body).toMatchObject({ topic });
    expect(await receive(hive, bob)).toHaveLength(1);
    const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?action=topic.deleted&subjectId=${encodeURIComponent(topic)}`);
    expect(body.items).toMatchObject([{ previousState: { description: 'what was built', subscriptions: 1 } }]);
  });

  it('keep a subscriber from being deleted', async () => {
    await subscribe(eve);
    expect(await hive.delete(`/v1/agents/${eve.id}`, { headers: { 'if-match': '*' } })).toMatchObject({ status: 409, body: { counts: { 'communication.subscription': 1 } } });
    await hive.delete(path(`/subscriptions/${eve.id}`));
    expect((await hive.delete(`/v1/agents/${eve.id}`, { headers: { 'if-match': '*' } })).status).toBe(204);
  });

  it('fan out to a thousand in one statement', async () => {
    await hive.database.execute(hive.orm, `
      with made as (insert into agents.agent (tenant_id, id, name, type, created_at, updated_at) select '${hive.me.tenantId}', gen_random_uuid(), 'a' || n, 'general-purpose', now(), now() from generate_series(1, 1000) n returning *)
      insert into agents.presence (tenant_id, agent_id, status, status_changed_at, heartbeat_count) select tenant_id, id, 'idle', now(), 0 from made`);
    await hive.database.execute(hive.orm, `insert into communication.subscription (tenant_id, topic_name, agent_id, created_at) select a.tenant_id, '${topic}', a.id, now() from agents.agent a where a.tenant_id = '${hive.me.tenantId}' and a.name like 'a%' and a.name not like 'agent%'`);
    const sent = await send(hive, ann, { topic });
    expect(sent.recipientCount).toBe(1000);
    const [row] = await hive.database.execute<{ count: number; ids: number }>(hive.orm, `select count(*)::int as count, count(distinct id)::int as ids from communication.delivery where message_id = '${sent.id}' and substr(id::text, 1, 13) = substr('${sent.id}', 1, 13) and substr(id::text, 15, 1) = '7'`);
    expect(row).toEqual({ count: 1000, ids: 1000 });
    expect((await hive.get<{ deliveries: number }>(`/v1/agent-messages/${sent.id}/report`)).body.deliveries).toBe(1000);
  });
});
