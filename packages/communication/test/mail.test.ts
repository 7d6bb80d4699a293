import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { AGENT_MESSAGE_TYPES } from '../src/index.js';
import { actionsOf, anAgent, by, communicationApp, receive, send, shutDown, trySend, write } from './mail-world.js';

describe('agent mail', () => {
  let hive: TestApp;
  let ann: { id: string };
  let bob: { id: string };
  beforeAll(async () => {
    hive = await communicationApp();
  });
  beforeEach(async () => {
    [ann, bob] = [await anAgent(hive), await anAgent(hive)];
  });
  afterAll(() => hive.close());

  it('goes from one agent to another, with everything it was given, and is kept [S3.103-S3.110, S3.149]', async () => {
    const sent = await trySend(hive, { fromAgentId: ann.id, toAgentId: bob.id, type: 'command', content: { do: ['this', 2] }, priority: 7, ttlSeconds: 600, metadata: { trace: 'x' } });
    expect(sent.status).toBe(201);
    expect(sent.headers.get('location')).toBe(`/v1/agent-messages/${sent.body.id}`);
    expect(sent.body).toMatchObject({ fromAgentId: ann.id, toAgentId: bob.id, topic: null, type: 'command', content: { do: ['this', 2] }, priority: 7, metadata: { trace: 'x' }, recipientCount: 1, correlationId: null });
    expect(Date.parse(sent.body.expiresAt!) - Date.parse(sent.body.sentAt)).toBe(600_000);
    expect((await hive.get(`/v1/agent-messages/${sent.body.id}`)).body).toEqual(sent.body);
    const [item] = await receive(hive, bob);
    expect(item).toMatchObject({ messageId: sent.body.id, agentId: bob.id, state: 'delivered', attempt: 1, receipt: 1, priority: 7, message: sent.body });
    expect((await hive.get<{ items: object[]; total: number }>(`/v1/agent-messages?fromAgentId=${ann.id}&total=true`)).body).toEqual({ items: [sent.body], nextCursor: null, total: 1 });
  });

  it('has types of a closed list, and any content but null [S3.108, S3.109]', async () => {
    for (const type of AGENT_MESSAGE_TYPES.filter((one) => one !== 'reply' && one !== 'broadcast')) expect((await trySend(hive, { fromAgentId: ann.id, toAgentId: bob.id, type })).status).toBe(201);
    expect((await trySend(hive, { fromAgentId: ann.id, toAgentId: bob.id, type: 'gossip' })).body).toMatchObject({ code: 'invalid', errors: [{ pointer: '/type' }] });
    for (const content of ['a text', 7, false, [1], { a: 1 }, '']) expect((await trySend(hive, { fromAgentId: ann.id, toAgentId: bob.id, content })).body.content).toEqual(content);
    expect((await receive(hive, bob, '?limit=100')).map((item) => item.message!.content)).toEqual(expect.arrayContaining(['a text', 7, false, [1], { a: 1 }, '']));
    expect((await trySend(hive, { fromAgentId: ann.id, toAgentId: bob.id, content: null })).status).toBe(422);
  });

  it('is listed by sender, recipient, topic, correlation and type, newest first, in pages [S3.183]', async () => {
    const first = await send(hive, ann, { toAgentId: bob.id, type: 'request', correlationId: `c-${bob.id}` });
    const second = await send(hive, ann, { toAgentId: bob.id });
    const third = await send(hive, bob, { toAgentId: ann.id });
    const ids = async (query: string) => (await hive.get<{ items: { id: string }[] }>(`/v1/agent-messages?${query}`)).body.items.map((item) => item.id);
    expect(await ids(`toAgentId=${bob.id}`)).toEqual([second.id, first.id]);
    expect(await ids(`fromAgentId=${bob.id}`)).toEqual([third.id]);
    expect(await ids(`correlationId=c-${bob.id}`)).toEqual([first.id]);
    expect(await ids(`fromAgentId=${ann.id}&type=request`)).toEqual([first.id]);
    const page = await hive.get<{ items: { id: string }[]; nextCursor: string }>(`/v1/agent-messages?toAgentId=${bob.id}&limit=1`);
    expect(await ids(`toAgentId=${bob.id}&limit=1&cursor=${page.body.nextCursor}`)).toEqual([first.id]);
  });

  describe('to all', () => {
    it('goes to every agent that is not shut down, but its sender', async () => {
      const as = principal();
      const [caller, listener, other, gone] = [await anAgent(hive, { as }), await anAgent(hive, { as }), await anAgent(hive, { as }), await anAgent(hive, { as })];
      await hive.patch(`/v1/agents/${gone.id}`, { status: 'shutdown' }, { as, headers: { 'if-match': '*' } });
      const sent = await send(hive, caller, { type: 'broadcast' }, { as });
      expect(sent.recipientCount).toBe(2);
      for (const agent of [listener, other]) expect(await receive(hive, agent, '', { as })).toMatchObject([{ messageId: sent.id }]);
      expect(await receive(hive, caller, '', { as })).toEqual([]);
    });
  });

  describe('as request and reply', () => {
    it('comes back to whom it came from, under the same correlation id', async () => {
      const request = await send(hive, ann, { toAgentId: bob.id, type: 'request' });
      expect(request.correlationId).toBe(request.id);
      const reply = await send(hive, bob, { type: 'reply', replyTo: request.id });
      expect(reply).toMatchObject({ toAgentId: ann.id, correlationId: request.id, replyTo: request.id });
      const [item] = await receive(hive, ann);
      expect(item!.message).toMatchObject({ id: reply.id, type: 'reply' });
      const again = await send(hive, ann, { type: 'reply', replyTo: reply.id });
      expect(again).toMatchObject({ toAgentId: bob.id, correlationId: request.id });
    });

    it('finds the request by its correlation id alone, the newest of several', async () => {
      const correlationId = newId();
      await send(hive, ann, { toAgentId: bob.id, type: 'request', correlationId });
      const newest = await send(hive, ann, { toAgentId: bob.id, type: 'request', correlationId });
      expect(await send(hive, bob, { type: 'reply', correlationId })).toMatchObject({ toAgentId: ann.id, replyTo: newest.id, correlationId });
    });

    it('is refused under a correlation id that nobody knows, or that the sender was not asked under', async () => {
      expect(await trySend(hive, { fromAgentId: bob.id, type: 'reply', correlationId: 'never' })).toMatchObject({ status: 404, body: { code: 'not-found', noun: 'request', id: 'never' } });
      const request = await send(hive, ann, { toAgentId: bob.id, type: 'request' });
      const eve = await anAgent(hive);
      expect(await trySend(hive, { fromAgentId: eve.id, type: 'reply', correlationId: request.correlationId })).toMatchObject({ status: 404, body: { noun: 'request' } });
      expect(await trySend(hive, { fromAgentId: eve.id, type: 'reply', replyTo: request.id })).toMatchObject({ status: 404, body: { noun: 'agent message' } });
      expect(await trySend(hive, { fromAgentId: bob.id, type: 'reply', replyTo: newId() })).toMatchObject({ status: 404 });
      expect(await trySend(hive, { fromAgentId: bob.id, type: 'reply', replyTo: request.id, correlationId: 'another' })).toMatchObject({ status: 422, body: { errors: [{ pointer: '/correlationId' }] } });
    });
  });

  it.each([
    ['to nobody', {}, '/toAgentId'],
    ['to an agent and a topic', { toAgentId: newId(), topic: 't' }, '/toAgentId'],
    ['to all and to one', { type: 'broadcast', toAgentId: newId() }, '/type'],
    ['a reply to nothing', { type: 'reply', toAgentId: newId() }, '/replyTo'],
    ['a broadcast that answers', { type: 'broadcast', replyTo: newId() }, '/replyTo'],
    ['a priority of 10', { toAgentId: newId(), priority: 10 }, '/priority'],
    ['a time to live of nothing', { toAgentId: newId(), ttlSeconds: 0 }, '/ttlSeconds'],
    ['a content of more than 256 KiB', { toAgentId: newId(), content: 'x'.repeat(262_143) }, '/content'],
    ['metadata of more than 64 KiB', { toAgentId: newId(), metadata: { x: 'x'.repeat(65_530) } }, '/metadata'],
    ['a NUL in the content', { toAgentId: newId(), content: { text: 'a\0b' } }, ''],
  ])('is refused: %s', async (_, body, pointer) => {
    const answer = await trySend(hive, { fromAgentId: ann.id, ...body });
    expect(answer.status).toBe(422);
    expect(answer.body.errors?.map((error) => error.pointer).join()).toContain(pointer);
  });

  it('takes a content of just 256 KiB', async () => {
    expect((await trySend(hive, { fromAgentId: ann.id, toAgentId: bob.id, content: 'x'.repeat(262_142) })).status).toBe(201);
  });

  it('is refused from and to agents that are not there, of another tenant too, and to a topic that is missing', async () => {
    const stranger = await anAgent(hive, { as: principal() });
    for (const id of [newId(), stranger.id]) {
      expect(await trySend(hive, { fromAgentId: id, toAgentId: bob.id })).toMatchObject({ status: 404, body: { noun: 'agent', id } });
      expect(await trySend(hive, { fromAgentId: ann.id, toAgentId: id })).toMatchObject({ status: 404, body: { noun: 'agent', id } });
      expect((await hive.get(`/v1/agents/${id}/inbox`)).status).toBe(404);
    }
    expect(await trySend(hive, { fromAgentId: ann.id, topic: 'nowhere' })).toMatchObject({ status: 404, body: { noun: 'topic', id: 'nowhere' } });
    const request = await send(hive, ann, { toAgentId: bob.id, type: 'request' });
    const as = principal();
    const other = await anAgent(hive, { as });
    expect(await trySend(hive, { fromAgentId: other.id, type: 'reply', replyTo: request.id }, { as })).toMatchObject({ status: 404 });
    const [item] = await receive(hive, bob);
    for (const verb of ['acknowledgement', 'redrive'] as const) expect((await write(hive, item!, verb, {}, { as })).status).toBe(404);
    expect((await hive.get<{ items: object[] }>('/v1/agent-messages', { as })).body.items).toEqual([]);
  });

  it('is refused from an agent that is shut down, which does not get its mail either; what is sent to it waits', async () => {
    await shutDown(hive, bob);
    expect(await trySend(hive, { fromAgentId: bob.id, toAgentId: ann.id })).toMatchObject({ status: 409, body: { code: 'agent-shutdown' } });
    const sent = await send(hive, ann, { toAgentId: bob.id });
    expect(await hive.get(`/v1/agents/${bob.id}/inbox`)).toMatchObject({ status: 409, body: { code: 'agent-shutdown' } });
    await hive.patch(`/v1/agents/${bob.id}`, { status: 'initializing' }, { headers: { 'if-match': '*' } });
    expect(await receive(hive, bob)).toMatchObject([{ messageId: sent.id }]);
  });

  it('is sent and read by an agent in its own name only', async () => {
    expect(await trySend(hive, { fromAgentId: ann.id, toAgentId: bob.id }, by(hive, bob))).toMatchObject({ status: 403, body: { code: 'not-yours' } });
    expect((await trySend(hive, { fromAgentId: ann.id, toAgentId: bob.id }, by(hive, ann))).status).toBe(201);
    expect(await hive.get(`/v1/agents/${bob.id}/inbox`, by(hive, ann))).toMatchObject({ status: 403, body: { code: 'not-yours' } });
    expect(await receive(hive, bob, '', by(hive, bob))).toHaveLength(1);
  });

  it('is in the record by reference and digest, with each step of its delivery', async () => {
    const sent = await send(hive, ann, { toAgentId: bob.id, content: { secret: 'not in the record' } }, by(hive, ann));
    const [item] = await receive(hive, bob);
    await write(hive, item!, 'acknowledgement');
    const { body } = await hive.get<{ items: { actor: object; newState: Record<string, unknown> }[] }>(`/v1/audit/entries?subjectType=agent_message&subjectId=${sent.id}`);
    expect(body.items).toMatchObject([{ action: 'agent_message.sent', agentId: ann.id, actor: { type: 'agent', id: ann.id }, newState: { type: 'message', toAgentId: bob.id, recipientCount: 1, contentDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) } }]);
    expect(JSON.stringify(body)).not.toContain('not in the record');
    expect(await actionsOf(hive, 'delivery', item!.id)).toEqual(['delivery.delivered', 'delivery.acknowledged']);
  });

  it('keeps its agents from being deleted', async () => {
    await send(hive, ann, { toAgentId: bob.id });
    for (const { id } of [ann, bob]) expect(await hive.delete(`/v1/agents/${id}`, { headers: { 'if-match': '*' } })).toMatchObject({ status: 409, body: { code: 'has-history', counts: { 'communication.agent_message': 1 } } });
  });

  it('is sent once under an Idempotency-Key, and wakes who waits for it', async () => {
    const waiting = receive(hive, bob, '?waitSeconds=10');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const headers = { 'idempotency-key': newId() };
    const body = { fromAgentId: ann.id, toAgentId: bob.id, content: 'once' };
    const [first, second] = [await trySend(hive, body, { headers }), await trySend(hive, body, { headers })];
    expect(second.body).toEqual(first.body);
    expect(await waiting).toMatchObject([{ messageId: first.body.id }]);
    expect(await receive(hive, bob)).toEqual([]);
  });
});
