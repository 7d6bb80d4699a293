import { createHmac } from 'node:crypto';
import { newId, runAs } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { DataKeysService } from '../src/index.js';
import type { CreatedWebhookDto, WebhookDeliveryDto, WebhookDto } from '../src/webhook/webhook.dto.js';
import { aReceiver, aWebhook, deliveries, dispatch, due, feedApp, happenAll, seal, type Received } from './feed-world.js';

interface Problem {
  status: number;
  code: string;
  detail: string;
  errors: { pointer: string; message: string }[];
}

/** Whether one of the signatures is by the secret (Standard Webhooks). */
const isSignedBy = ({ headers, body }: Received, secret: string): boolean => {
  const expected = createHmac('sha256', Buffer.from(secret.replace('whsec_', ''), 'base64')).update(`${headers['webhook-id'] as string}.${headers['webhook-timestamp'] as string}.${body}`).digest('base64');
  return (headers['webhook-signature'] as string).split(' ').includes(`v1,${expected}`);
};

describe('webhooks', () => {
  let hive: TestApp;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  beforeAll(async () => {
    hive = await feedApp({ allowedNetworks: 'loopback', timeoutMs: 500, maxAttempts: 3, backoffMs: 60_000 });
  });
  beforeEach(async () => {
    receiver = await aReceiver();
  });
  afterEach(async () => {
    for (const { id } of (await hive.get<{ items: WebhookDto[] }>('/v1/webhooks?limit=100')).body.items) await hive.delete(`/v1/webhooks/${id}`, { headers: { 'if-match': '*' } });
    await receiver.close();
  });
  afterAll(() => hive.close());

  const read = async ({ id }: { id: string }) => (await hive.get<WebhookDto>(`/v1/webhooks/${id}`)).body;

  it('are made, read, listed, changed, held and deleted; the secret is shown once and the record has a digest of it', async () => {
    const made = await hive.post<CreatedWebhookDto>('/v1/webhooks', { url: receiver.url, actions: ['task.*', 'agent.created'], description: 'to chat' });
    expect([made.status, made.headers.get('location'), made.headers.get('etag')]).toEqual([201, `/v1/webhooks/${made.body.id}`, '"1"']);
    const { secret, ...shown } = made.body;
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(shown).toMatchObject({ url: receiver.url, actions: ['task.*', 'agent.created'], description: 'to chat', isActive: true, failures: 0, version: 1, previousSecretUntil: null });
    expect(await read(made.body)).toEqual(shown);
    expect((await hive.get('/v1/webhooks?limit=1&total=true')).body).toEqual({ items: [shown], nextCursor: null, total: 1 });
    expect((await hive.patch(`/v1/webhooks/${shown.id}`, { isActive: false })).status).toBe(428);
    expect((await hive.patch(`/v1/webhooks/${shown.id}`, { isActive: false }, { headers: { 'if-match': '"7"' } })).status).toBe(412);
    const held = await hive.patch<WebhookDto>(`/v1/webhooks/${shown.id}`, { isActive: false, description: null }, { headers: { 'if-match': '"1"' } });
    expect(held.body).toMatchObject({ isActive: false, description: null, version: 2 });
    expect((await hive.delete(`/v1/webhooks/${shown.id}`, { headers: { 'if-match': '"1"' } })).status).toBe(412);
    expect((await hive.delete(`/v1/webhooks/${shown.id}`, { headers: { 'if-match': '"2"' } })).status).toBe(204);
    expect((await hive.get(`/v1/webhooks/${shown.id}`)).status).toBe(404);
    const { body } = await hive.get<{ items: { action: string; newState: Record<string, unknown> | null; previousState: Record<string, unknown> | null }[] }>(`/v1/audit/entries?subjectType=webhook&subjectId=${shown.id}`);
    expect(body.items.map(({ action }) => action)).toEqual(['webhook.deleted', 'webhook.updated', 'webhook.created']);
    expect(body.items[2]!.newState!.secret).toMatch(/^sha256:/);
    expect(body.items[0]!.previousState).toMatchObject({ url: receiver.url, deliveries: 0 });
  });

  it('are told of what matches, signed for each attempt, with the event as the feed has it', async () => {
    const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
    const webhook = await aWebhook(hive, receiver.url, { actions: ['job.*', 'step.done'], secret });
    expect(webhook.secret).toBe(secret);
    await happenAll(hive, ['job.begun', 'step.begun', 'step.done', 'other']);
    expect(await dispatch(hive)).toBe(2);
    expect(receiver.actions().sort()).toEqual(['job.begun', 'step.done']);
    const { items } = (await hive.get<{ items: { action: string }[] }>('/v1/events?action=job.begun')).body;
    const first = receiver.received.find(({ event }) => event.type === 'job.begun')!;
    expect(first.event).toEqual({ type: 'job.begun', timestamp: first.event.data.occurredAt, data: items.at(-1) });
    expect(isSignedBy(first, secret)).toBe(true);
    expect(isSignedBy({ ...first, body: `${first.body} ` }, secret)).toBe(false);
    expect(Math.abs(Number(first.headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(5);
    const log = await deliveries(hive, webhook);
    expect(log.map(({ action, status }) => [action, status])).toEqual([['step.done', 'delivered'], ['job.begun', 'delivered']]);
    expect(log.map(({ id }) => id)).toContain(first.headers['webhook-id']);
    expect(log[0]).toMatchObject({ webhookId: webhook.id, attempt: 1, nextAttemptAt: null, settledAt: expect.any(String), attempts: [{ statusCode: 204, error: null, response: '', durationMs: expect.any(Number) }] });
    expect(await dispatch(hive)).toBe(0);
    expect(receiver.received).toHaveLength(2);
  });

  it('are told of what came before when they ask for it, and of nothing while they are held, but of all of it afterwards', async () => {
    const as = principal();
    await happenAll(hive, ['a.one', 'a.two'], { as });
    const webhook = await aWebhook(hive, receiver.url, { after: 1 }, as);
    await dispatch(hive, new Date(), as.tenantId);
    expect(receiver.actions()).toEqual(['a.two']);
    const patch = (body: object) => hive.patch(`/v1/webhooks/${webhook.id}`, body, { as, headers: { 'if-match': '*' } });
    await patch({ isActive: false, actions: ['a.*'] });
    await happenAll(hive, ['a.three'], { as });
    await dispatch(hive, new Date(), as.tenantId);
    expect(receiver.actions()).toEqual(['a.two']);
    await patch({ isActive: true });
    await dispatch(hive, new Date(), as.tenantId);
    expect(receiver.actions()).toEqual(['a.two', 'a.three']);
    expect(await hive.post('/v1/webhooks', { url: receiver.url, actions: ['*'], after: 1_000 }, { as })).toMatchObject({ status: 422, body: { code: 'position-unknown' } });
  });

  it('get the events of one subject in their order: a later one waits until the earlier has ended, others do not', async () => {
    const [agentId, other] = [newId(), newId()];
    const webhook = await aWebhook(hive, receiver.url, { actions: ['turn.*'] });
    receiver.answer = (response, n) => response.writeHead(n === 1 ? 500 : 200).end(n === 1 ? 'broken' : 'thanks');
    await happenAll(hive, ['turn.one', 'turn.two', 'turn.three'], { agentId });
    await dispatch(hive);
    expect(receiver.actions()).toEqual(['turn.one']);
    await happenAll(hive, ['turn.aside'], { agentId: other });
    await dispatch(hive);
    expect(receiver.actions()).toEqual(['turn.one', 'turn.aside']);
    const waiting = await deliveries(hive, webhook, 'status=pending');
    expect(waiting.map(({ action, attempt, nextAttemptAt }) => [action, attempt, nextAttemptAt !== null])).toEqual([['turn.three', 0, false], ['turn.two', 0, false], ['turn.one', 1, true]]);
    const pause = Date.parse(waiting[2]!.nextAttemptAt!) - Date.now();
    expect(pause).toBeGreaterThan(25_000);
    expect(pause).toBeLessThanOrEqual(60_000);
    await due(hive, webhook);
    await dispatch(hive);
    expect(receiver.actions()).toEqual(['turn.one', 'turn.aside', 'turn.one', 'turn.two', 'turn.three']);
    const first = (await deliveries(hive, webhook)).find(({ action }) => action === 'turn.one')!;
    expect(first.attempts).toMatchObject([{ statusCode: 500, error: 'the receiver answered 500', response: 'broken' }, { statusCode: 200, error: null, response: 'thanks' }]);
    expect(new Set(receiver.received.filter(({ event }) => event.type === 'turn.one').map(({ headers }) => headers['webhook-id']))).toEqual(new Set([first.id]));
  });

  it('are dead letters after their attempts, which lets the next go, and are redriven', async () => {
    const agentId = newId();
    const webhook = await aWebhook(hive, receiver.url, { actions: ['fall.*'] });
    receiver.answer = (response) => response.writeHead(503).end();
    await happenAll(hive, ['fall.one', 'fall.two'], { agentId });
    for (let i = 0; i < 3; i++) {
      await dispatch(hive);
      await due(hive, webhook);
    }
    const [dead] = await deliveries(hive, webhook, 'status=dead');
    expect(dead).toMatchObject({ action: 'fall.one', attempt: 3, attempts: [{}, {}, { statusCode: 503 }] });
    expect((await read(webhook)).failures).toBe(3);
    expect((await hive.get<{ items: object[] }>(`/v1/audit/entries?action=webhook_delivery.dead&subjectId=${dead!.id}`)).body.items).toMatchObject([{ details: { webhookId: webhook.id, attempts: 3, error: 'the receiver answered 503' } }]);
    receiver.answer = (response) => response.writeHead(200).end();
    const redrive = (id: string, as = hive.me) => hive.post<WebhookDeliveryDto & Problem>(`/v1/webhooks/${webhook.id}/deliveries/${id}/redrive`, {}, { as });
    // The later event of the subject is pending by now, and the redriven one comes after it.
    expect(await redrive(dead!.id)).toMatchObject({ status: 200, body: { status: 'pending', attempt: 0, redriveCount: 1, nextAttemptAt: null } });
    expect(await redrive(dead!.id)).toMatchObject({ status: 409, body: { allowed: ['dead'] } });
    await dispatch(hive);
    expect(receiver.actions()).toEqual(['fall.one', 'fall.one', 'fall.one', 'fall.two', 'fall.one']);
    expect((await read(webhook)).failures).toBe(0);
    expect((await deliveries(hive, webhook, 'status=delivered')).map(({ action }) => action)).toEqual(['fall.two', 'fall.one']);
    expect((await redrive(newId())).status).toBe(404);
  });

  it('that fail are told of nothing about their own dead letters, which would never end', async () => {
    const webhook = await aWebhook(hive, receiver.url);
    receiver.answer = (response) => response.writeHead(500).end();
    await happenAll(hive, ['loop.one']);
    for (let i = 0; i < 5; i++) {
      await dispatch(hive);
      await due(hive, webhook);
      await seal(hive);
    }
    expect((await deliveries(hive, webhook)).filter(({ action }) => action.startsWith('webhook_delivery.'))).toEqual([]);
    expect((await hive.get<{ items: object[] }>('/v1/events?action=webhook_delivery.dead&limit=100')).body.items.length).toBeGreaterThan(0);
  });

  it('get another secret, with a time in which both sign', async () => {
    const webhook = await aWebhook(hive, receiver.url, { actions: ['key.*'] });
    const rotate = (body: object) => hive.post<CreatedWebhookDto>(`/v1/webhooks/${webhook.id}/rotation`, body);
    const second = (await rotate({})).body;
    expect(Date.parse(second.previousSecretUntil!) - Date.now()).toBeGreaterThan(86_000_000);
    await happenAll(hive, ['key.one']);
    await dispatch(hive);
    expect([webhook.secret, second.secret].map((secret) => isSignedBy(receiver.received[0]!, secret))).toEqual([true, true]);
    await hive.post(`/v1/webhooks/${webhook.id}/test`);
    expect([webhook.secret, second.secret].map((secret) => isSignedBy(receiver.received[1]!, secret))).toEqual([true, true]);
    const third = (await rotate({ overlapSeconds: 0 })).body;
    expect(third.previousSecretUntil).toBeNull();
    await happenAll(hive, ['key.two']);
    await dispatch(hive);
    expect([webhook.secret, second.secret, third.secret].map((secret) => isSignedBy(receiver.received[2]!, secret))).toEqual([false, false, true]);
    expect(await read(webhook)).not.toHaveProperty('secret');
    for (const secret of ['whsec_short', 'x'.repeat(40), `whsec_${Buffer.alloc(65).toString('base64')}`]) expect((await rotate({ secret })).status).toBe(422);
  });

  it('have their secrets stored encrypted, each for its own column, and sign on after the key of the tenant is another', async () => {
    const webhook = await aWebhook(hive, receiver.url);
    const second = (await hive.post<CreatedWebhookDto>(`/v1/webhooks/${webhook.id}/rotation`, {})).body;
    const stored = async () => (await hive.database.execute<{ secret: string; previous_secret: string }>(hive.orm, `select secret, previous_secret from audit.webhook where id = '${webhook.id}'`))[0]!;
    const before = await stored();
    for (const value of Object.values(before)) expect(value).toMatch(/^enc1\.[0-9a-f-]{36}\.[\w-]+$/);
    const key = (await hive.post<{ id: string }>('/v1/data-keys/rotation', {})).body;
    expect(await runAs(hive.orm.em, hive.me, () => hive.app.get(DataKeysService, { strict: false }).work())).toBe(2);
    const after = await stored();
    expect(Object.values(after).map((value) => value.slice(5, 41))).toEqual([key.id, key.id]);
    await hive.post(`/v1/webhooks/${webhook.id}/test`);
    expect([webhook.secret, second.secret].map((secret) => isSignedBy(receiver.received[0]!, secret))).toEqual([true, true]);
    // The secret before, copied over the present one, signs nothing.
    await hive.database.execute(hive.orm, `update audit.webhook set secret = previous_secret where id = '${webhook.id}'`);
    expect((await hive.post(`/v1/webhooks/${webhook.id}/test`)).body).toMatchObject({ statusCode: null, error: expect.stringMatching(/^Undecipherable: What is stored for .*audit\.webhook\.secret/) });
    expect(receiver.received).toHaveLength(1);
  });

  it('are tried by a message of their own, which is not tried again', async () => {
    const webhook = await aWebhook(hive, receiver.url);
    const test = () => hive.post(`/v1/webhooks/${webhook.id}/test`);
    expect((await test()).body).toMatchObject({ statusCode: 204, error: null });
    expect(receiver.received[0]!.event).toMatchObject({ type: 'webhook.test', data: { webhookId: webhook.id } });
    expect(isSignedBy(receiver.received[0]!, webhook.secret)).toBe(true);
    receiver.answer = (response) => response.writeHead(404).end('no such hook');
    expect((await test()).body).toMatchObject({ statusCode: 404, error: 'the receiver answered 404', response: 'no such hook' });
    expect(await deliveries(hive, webhook)).toEqual([]);
  });

  it('of another tenant are nowhere, and get nothing of this one', async () => {
    const as = principal();
    const webhook = await aWebhook(hive, receiver.url);
    const theirs = await aWebhook(hive, receiver.url, { actions: ['*'] }, as);
    await happenAll(hive, ['own.one']);
    await dispatch(hive);
    const [delivery] = await deliveries(hive, webhook, 'limit=1');
    const of = `/v1/webhooks/${webhook.id}`;
    const answers = [
      await hive.get(of, { as }), await hive.get(`${of}/deliveries`, { as }), await hive.get(`${of}/deliveries/${delivery!.id}`, { as }), await hive.post(`${of}/deliveries/${delivery!.id}/redrive`, {}, { as }),
      await hive.post(`${of}/test`, {}, { as }), await hive.post(`${of}/rotation`, {}, { as }), await hive.patch(of, { isActive: false }, { as, headers: { 'if-match': '*' } }),
      await hive.delete(of, { as, headers: { 'if-match': '*' } }), await hive.get(`/v1/webhooks/${theirs.id}/deliveries/${delivery!.id}`, { as }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404));
    await dispatch(hive, new Date(), as.tenantId);
    expect((await deliveries(hive, theirs, 'limit=100', as)).map(({ action }) => action)).not.toContain('own.one');
  });

  it('are made by those only who may read the record', async () => {
    const as = principal({ scopes: ['webhooks:write', 'webhooks:read'] });
    expect(await hive.post('/v1/webhooks', { url: receiver.url, actions: ['*'] }, { as })).toMatchObject({ status: 403, body: { code: 'missing-scope', scope: 'audit:read' } });
  });

  it('are 100 at most, also when the last ones are made at once', async () => {
    const as = principal();
    for (let i = 0; i < 97; i++) await aWebhook(hive, receiver.url, {}, as);
    const made = await Promise.all(Array.from({ length: 8 }, () => hive.post<{ code: string }>('/v1/webhooks', { url: receiver.url, actions: ['*'] }, { as })));
    expect(made.map(({ status, body }) => (status === 201 ? 201 : body.code)).sort()).toEqual([201, 201, 201, ...Array<string>(5).fill('too-many-webhooks')]);
    expect((await hive.get('/v1/webhooks?limit=1&total=true', { as })).body).toMatchObject({ total: 100 });
  });

  it.each([
    ['no action', { actions: [] }, '/actions'],
    ['a pattern with its star in front', { actions: ['*.completed'] }, '/actions'],
    ['a pattern with its star in the middle', { actions: ['a.*.b'] }, '/actions'],
    ['a pattern with its star in a name', { actions: ['task*'] }, '/actions'],
    ['an empty pattern', { actions: [''] }, '/actions'],
    ['a pattern over 100 characters', { actions: ['x'.repeat(101)] }, '/actions'],
    ['a pattern twice', { actions: ['a', 'a'] }, '/actions'],
    ['actions that are a text', { actions: 'task.*' }, '/actions'],
    ['21 patterns', { actions: Array.from({ length: 21 }, (_, i) => `a.${i}`) }, '/actions'],
    ['a secret that is none', { secret: 'hunter2' }, '/secret'],
    ['an unknown field', { colour: 'red' }, '/colour'],
    ['a sequence below 0', { after: -1 }, '/after'],
  ])('are refused with %s', async (_, overrides, pointer) => {
    const answer = await hive.post<Problem>('/v1/webhooks', { url: receiver.url, actions: ['*'], ...overrides });
    expect([answer.status, answer.body.errors.map((error) => error.pointer)]).toEqual([422, expect.arrayContaining([pointer])]);
  });
});
