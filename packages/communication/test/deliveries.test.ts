import { newId } from '@agent-hive/kernel';
import { testEngine, type TestApp } from '@agent-hive/kernel/testing';
import type { DeliveryDto } from '../src/delivery/delivery.dto.js';
import type { DeliveryReportDto } from '../src/delivery/report.dto.js';
import { actionsOf, anAgent, anotherServer, by, communicationApp, inSeconds, read, receive, send, sweep, trySend, write } from './mail-world.js';

describe('deliveries', () => {
  let hive: TestApp;
  let ann: { id: string };
  let bob: { id: string };
  beforeAll(async () => {
    hive = await communicationApp({ poolMax: 3 });
  });
  beforeEach(async () => {
    [ann, bob] = [await anAgent(hive), await anAgent(hive)];
  });
  afterAll(() => hive.close());

  const only = async (query = '') => (await receive(hive, bob, query))[0]!;
  const deadLetters = async (agent: { id: string }) => (await hive.get<{ items: DeliveryDto[]; total: number }>(`/v1/dead-letters?agentId=${agent.id}&total=true`)).body;

  it('are handed out by priority, then age, as many as are asked for, and to nobody else meanwhile', async () => {
    const sent: { id: string }[] = [];
    for (const priority of [1, 5, 9, 5]) sent.push(await send(hive, ann, { toAgentId: bob.id, priority }));
    const ids = async (query: string) => (await receive(hive, bob, query)).map((item) => sent.findIndex(({ id }) => id === item.messageId));
    expect(await ids('?limit=3')).toEqual([2, 1, 3]);
    expect(await ids('?limit=3')).toEqual([0]);
    expect(await ids('')).toEqual([]);
  });

  it('end with an acknowledgement, which may be repeated', async () => {
    await send(hive, ann, { toAgentId: bob.id });
    const item = await only();
    for (let time = 0; time < 2; time++) expect(await write(hive, item, 'acknowledgement', { receipt: item.receipt }, by(hive, bob))).toMatchObject({ status: 200, body: { state: 'acknowledged', availableAt: null } });
    expect(await actionsOf(hive, 'delivery', item.id)).toEqual(['delivery.delivered', 'delivery.acknowledged']);
    await sweep(hive, inSeconds(3600));
    expect(await receive(hive, bob)).toEqual([]);
  });

  it('are not to be acknowledged or rejected by another agent', async () => {
    await send(hive, ann, { toAgentId: bob.id });
    const item = await only();
    for (const verb of ['acknowledgement', 'rejection'] as const) {
      const body = verb === 'rejection' ? { reason: 'mine' } : {};
      expect(await write(hive, item, verb, body, by(hive, ann))).toMatchObject({ status: 409, body: { code: 'not-yours' } });
      expect(await write(hive, item, verb, { ...body, agentId: ann.id })).toMatchObject({ status: 409, body: { code: 'not-yours' } });
      expect(await write(hive, item, verb, { ...body, agentId: bob.id }, by(hive, ann))).toMatchObject({ status: 403, body: { code: 'not-yours' } });
      expect((await write(hive, { id: newId() }, verb, body)).status).toBe(404);
    }
    expect((await read(hive, item)).state).toBe('delivered');
    expect((await write(hive, item, 'acknowledgement', { agentId: bob.id })).status).toBe(200);
  });

  it('are handed out again when their visibility timeout is over, whether the sweep came by or not', async () => {
    await send(hive, ann, { toAgentId: bob.id });
    const first = await only('?visibilitySeconds=1');
    await new Promise((resolve) => setTimeout(resolve, 1_010));
    const second = await only('?visibilitySeconds=1');
    expect(second).toMatchObject({ id: first.id, attempt: 2, receipt: 2 });
    await sweep(hive, inSeconds(2));
    expect(await read(hive, first)).toMatchObject({ state: 'pending', attempt: 2, availableAt: null });
    expect(await only()).toMatchObject({ id: first.id, attempt: 3 });
    expect(await actionsOf(hive, 'delivery', first.id)).toEqual(['delivery.delivered', 'delivery.delivered', 'delivery.timed_out', 'delivery.delivered']);
  });

  it('may be acknowledged late, but not once they were handed out again', async () => {
    await send(hive, ann, { toAgentId: bob.id });
    const first = await only();
    await sweep(hive, inSeconds(61));
    const second = await only();
    expect(await write(hive, first, 'acknowledgement', { receipt: first.receipt })).toMatchObject({ status: 409, body: { code: 'stale-receipt', state: 'delivered' } });
    await sweep(hive, inSeconds(61));
    expect(await write(hive, second, 'acknowledgement', { receipt: second.receipt })).toMatchObject({ status: 200, body: { state: 'acknowledged' } });
    expect(await write(hive, second, 'acknowledgement', { receipt: second.receipt })).toMatchObject({ status: 200, body: { state: 'acknowledged' } });
    expect(await write(hive, first, 'acknowledgement', { receipt: first.receipt })).toMatchObject({ status: 409, body: { code: 'stale-receipt', state: 'acknowledged' } });
    expect(await receive(hive, bob)).toEqual([]);
  });

  it('come back after a rejection and a pause, and take no receipt from before', async () => {
    await send(hive, ann, { toAgentId: bob.id });
    const first = await only();
    const { body } = await write(hive, first, 'rejection', { reason: 'busy', receipt: first.receipt }, by(hive, bob));
    expect(body).toMatchObject({ state: 'pending', reason: 'busy', attempt: 1 });
    const pause = Date.parse(body.availableAt!) - Date.now();
    expect(pause).toBeGreaterThan(3_500);
    expect(pause).toBeLessThanOrEqual(5_000);
    expect(await receive(hive, bob)).toEqual([]);
    expect(await write(hive, first, 'acknowledgement', { receipt: first.receipt })).toMatchObject({ status: 409, body: { code: 'stale-receipt' } });
    expect(await write(hive, first, 'rejection', { reason: 'again' })).toMatchObject({ status: 409, body: { code: 'not-delivered', state: 'pending' } });
    await sweep(hive, inSeconds(6));
    const second = await only();
    expect(second).toMatchObject({ id: first.id, attempt: 2 });
    await write(hive, second, 'rejection', { reason: 'at once', delaySeconds: 0 });
    expect(await only()).toMatchObject({ id: first.id, attempt: 3 });
  });

  it('are dead letters when their deliveries are used up, by rejections and by silence, and their sender is told', async () => {
    await send(hive, ann, { toAgentId: bob.id, maxDeliveries: 2 });
    const item = await only();
    await write(hive, item, 'rejection', { reason: 'no', delaySeconds: 0 });
    await write(hive, await only(), 'rejection', { reason: 'never', delaySeconds: 0 });
    await send(hive, ann, { toAgentId: bob.id, maxDeliveries: 1 });
    const silent = await only();
    await sweep(hive, inSeconds(61));
    expect(await receive(hive, bob)).toEqual([]);
    const { items, total } = await deadLetters(bob);
    expect(total).toBe(2);
    expect(items).toMatchObject([{ id: silent.id, state: 'dead', attempt: 1 }, { id: item.id, state: 'dead', attempt: 2, reason: 'never' }]);
    const told = await hive.get<{ items: object[] }>(`/v1/notifications?agentId=${ann.id}`);
    expect(told.body.items).toMatchObject([{ kind: 'mail.dead', subject: { type: 'delivery', id: silent.id } }, { kind: 'mail.dead', subject: { type: 'delivery', id: item.id }, details: { agentId: bob.id, messageId: item.messageId } }]);
  });

  it('are dead letters at once when their recipient wants them no more, and come back by a redrive', async () => {
    await send(hive, ann, { toAgentId: bob.id, maxDeliveries: 1, ttlSeconds: 1 });
    const item = await only();
    expect(await write(hive, item, 'rejection', { reason: 'not mine', requeue: false })).toMatchObject({ status: 200, body: { state: 'rejected', reason: 'not mine' } });
    expect((await deadLetters(bob)).items).toMatchObject([{ id: item.id, state: 'rejected' }]);
    expect((await hive.get<{ items: object[] }>(`/v1/notifications?agentId=${ann.id}`)).body.items).toMatchObject([{ kind: 'mail.rejected' }]);
    expect(await write(hive, item, 'acknowledgement')).toMatchObject({ status: 409, body: { code: 'illegal-transition', from: 'rejected' } });
    const waiting = receive(hive, bob, '?waitSeconds=10');
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await write(hive, item, 'redrive')).toMatchObject({ status: 200, body: { state: 'pending', attempt: 0, redriveCount: 1, expiresAt: null, reason: null } });
    expect(await waiting).toMatchObject([{ id: item.id, attempt: 1 }]);
    expect(await write(hive, item, 'redrive')).toMatchObject({ status: 409, body: { code: 'illegal-transition', from: 'delivered' } });
    expect(await actionsOf(hive, 'delivery', item.id)).toEqual(['delivery.delivered', 'delivery.rejected', 'delivery.redriven', 'delivery.delivered']);
  });

  it('expire, from that moment on and before the sweep says so, but not out of the hands of their recipient', async () => {
    await send(hive, ann, { toAgentId: bob.id, ttlSeconds: 1 });
    const held = await only();
    await send(hive, ann, { toAgentId: bob.id, ttlSeconds: 1 });
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await receive(hive, bob)).toEqual([]);
    expect((await hive.get<DeliveryReportDto>(`/v1/agents/${bob.id}/delivery-report`)).body.counts).toMatchObject({ pending: 0, expired: 1, delivered: 1 });
    expect((await write(hive, held, 'acknowledgement')).body.state).toBe('acknowledged');
    expect(await sweep(hive)).toMatchObject({ expired: 1 });
    expect((await deadLetters(bob)).items).toEqual([]);
    await send(hive, ann, { toAgentId: bob.id, ttlSeconds: 1 });
    const late = await only();
    await sweep(hive, inSeconds(61));
    expect(await read(hive, late)).toMatchObject({ state: 'expired', reason: 'time to live' });
    expect(await write(hive, late, 'acknowledgement')).toMatchObject({ status: 409, body: { code: 'illegal-transition', from: 'expired' } });
  });

  it('are reported, by message and by agent, with counts and latencies', async () => {
    const sent = await send(hive, ann, { toAgentId: bob.id });
    const empty = { deliveries: 1, counts: { pending: 1, delivered: 0, acknowledged: 0, rejected: 0, expired: 0, dead: 0 }, handOuts: 0, latencyMs: null };
    expect((await hive.get(`/v1/agent-messages/${sent.id}/report`)).body).toEqual(empty);
    for (let i = 0; i < 3; i++) await send(hive, ann, { toAgentId: bob.id });
    for (const item of await receive(hive, bob, '?limit=3')) await write(hive, item, 'acknowledgement');
    // As if each had taken so long.
    await hive.database.execute(hive.orm, `update communication.delivery d set settled_at = sent_at + n * interval '100 milliseconds'
      from (select id, row_number() over (order by message_id) as n from communication.delivery where agent_id = '${bob.id}' and state = 'acknowledged') x where x.id = d.id`);
    const { body } = await hive.get<DeliveryReportDto>(`/v1/agents/${bob.id}/delivery-report`);
    expect(body).toMatchObject({ deliveries: 4, counts: { pending: 1, acknowledged: 3 }, handOuts: 3 });
    expect(body.latencyMs!.p50).toBeCloseTo(200, 3);
    expect(body.latencyMs!.p95).toBeCloseTo(290, 3);
    expect(body.latencyMs!.p99).toBeCloseTo(298, 3);
    expect((await hive.get<DeliveryReportDto>(`/v1/agent-messages/${sent.id}/report`)).body.latencyMs).toMatchObject({ p50: 100, p99: 100 });
    expect((await hive.get<{ items: object[] }>(`/v1/agent-messages/${sent.id}/deliveries`)).body.items).toMatchObject([{ agentId: bob.id, state: 'acknowledged' }]);
    for (const path of [`/v1/agent-messages/${newId()}/report`, `/v1/agent-messages/${newId()}/deliveries`, `/v1/agents/${newId()}/delivery-report`]) expect((await hive.get(path)).status).toBe(404);
  });

  it.each([
    ['a limit of none', '?limit=0'],
    ['a limit of too many', '?limit=101'],
    ['a wait of too long', '?waitSeconds=21'],
    ['a visibility of nothing', '?visibilitySeconds=0'],
    ['what is unknown', '?x=1'],
  ])('are not handed out for %s', async (_, query) => {
    expect((await hive.get(`/v1/agents/${bob.id}/inbox${query}`)).status).toBe(422);
  });

  it('go to one taker each, however many ask at once', async () => {
    for (let i = 0; i < 20; i++) await send(hive, ann, { toAgentId: bob.id });
    const taken = (await Promise.all(Array.from({ length: 8 }, () => receive(hive, bob, '?limit=3&waitSeconds=1')))).flat();
    expect(taken).toHaveLength(20);
    expect(new Set(taken.map((item) => item.id)).size).toBe(20);
  });

  describe('while somebody waits for them', () => {
    it('come at once, hold no connection meanwhile, and nothing comes when the time is up', async () => {
      const started = Date.now();
      const waiting = Array.from({ length: 20 }, () => receive(hive, bob, '?waitSeconds=3&limit=1'));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect((await trySend(hive, { fromAgentId: ann.id, toAgentId: bob.id })).status).toBe(201);
      const first = await Promise.any(waiting.map(async (one) => (await one).length === 1 || Promise.reject(new Error('nothing'))));
      expect(first).toBe(true);
      expect(Date.now() - started).toBeLessThan(1_500);
      expect((await Promise.all(waiting)).flat()).toHaveLength(1);
    });

    it('are not taken by one who hung up', async () => {
      const abort = new AbortController();
      const authorization = `Bearer test:${Buffer.from(JSON.stringify(hive.me)).toString('base64url')}`;
      const waiting = fetch(`${hive.baseUrl}/v1/agents/${bob.id}/inbox?waitSeconds=10`, { signal: abort.signal, headers: { authorization } });
      const hungUp = expect(waiting).rejects.toThrow('abort');
      await new Promise((resolve) => setTimeout(resolve, 100));
      abort.abort();
      await hungUp;
      await new Promise((resolve) => setTimeout(resolve, 100));
      await send(hive, ann, { toAgentId: bob.id });
      expect(await receive(hive, bob)).toMatchObject([{ attempt: 1 }]);
    });

    (testEngine() === 'server' ? it : it.skip)('come within a second from another process (needs a server: the embedded engine has one process)', async () => {
      const other = await anotherServer(hive);
      const waiting = receive(hive, bob, '?waitSeconds=10');
      await new Promise((resolve) => setTimeout(resolve, 100));
      const started = Date.now();
      await send({ ...hive, post: (path, body) => postTo(other.baseUrl, path, body) }, ann, { toAgentId: bob.id });
      expect(await waiting).toHaveLength(1);
      expect(Date.now() - started).toBeLessThan(1_000);
      await other.close();
    });
  });

  /** Posts to another server, as the test's own principal. */
  async function postTo<T>(baseUrl: string, path: string, body: unknown): Promise<{ status: number; body: T; headers: Headers }> {
    const authorization = `Bearer test:${Buffer.from(JSON.stringify(hive.me)).toString('base64url')}`;
    const answer = await fetch(baseUrl + path, { method: 'POST', body: JSON.stringify(body), headers: { authorization, 'content-type': 'application/json' } });
    return { status: answer.status, body: (await answer.json()) as T, headers: answer.headers };
  }
});
