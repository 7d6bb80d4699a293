import { runAs, servicePrincipal } from '@agent-hive/kernel';
import { testEngine, type TestApp } from '@agent-hive/kernel/testing';
import { DispatchService } from '../src/index.js';
import { allowedOf, kindOf } from '../src/webhook/addresses.js';
import { pauseOf } from '../src/webhook/dispatch.service.js';
import type { WebhookDto } from '../src/webhook/webhook.dto.js';
import { anotherServer, aReceiver, aWebhook, deliveries, dispatch, due, feedApp, happenAll } from './feed-world.js';

interface Problem {
  code: string;
  errors: { pointer: string; message: string }[];
}

type Receiver = Awaited<ReturnType<typeof aReceiver>>;

describe('receivers of webhooks', () => {
  let hive: TestApp;
  /** What names resolve to; others to this machine. */
  const names = new Map<string, string[]>();
  const options = { allowedNetworks: '127.0.0.1', timeoutMs: 1_500, maxAttempts: 3, backoffMs: 60_000, resolve: async (host: string) => names.get(host) ?? ['127.0.0.1'] };
  const open: Receiver[] = [];
  const receiverOf = async (...args: Parameters<typeof aReceiver>): Promise<Receiver> => {
    const receiver = await aReceiver(...args);
    open.push(receiver);
    return receiver;
  };
  beforeAll(async () => {
    hive = await feedApp(options);
  });
  afterEach(async () => {
    for (const { id } of (await hive.get<{ items: WebhookDto[] }>('/v1/webhooks?limit=100')).body.items) await hive.delete(`/v1/webhooks/${id}`, { headers: { 'if-match': '*' } });
    await Promise.all(open.splice(0).map((receiver) => receiver.close()));
  });
  afterAll(() => hive.close());

  const last = async (webhook: { id: string }) => (await deliveries(hive, webhook, 'limit=1'))[0]!;

  it.each([
    ['hangs', () => undefined, 'no answer within 1500 ms', null],
    ['redirects', (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/elsewhere' }).end(), 'the receiver answered 302: redirects are not followed', 302],
    ['answers 500', (response) => response.writeHead(500).end(), 'the receiver answered 500', 500],
    ['hangs up', (response) => response.destroy(), 'ECONNRESET: socket hang up', null],
  ] satisfies [string, Parameters<typeof aReceiver>[0], string, number | null][])('fail an attempt when one %s, and get another', async (_, answer, error, statusCode) => {
    const receiver = await receiverOf(answer);
    const webhook = await aWebhook(hive, receiver.url, { actions: ['try.*'] });
    await happenAll(hive, ['try.one']);
    const started = Date.now();
    await dispatch(hive);
    expect(Date.now() - started).toBeLessThan(2_000);
    expect(await last(webhook)).toMatchObject({ status: 'pending', attempt: 1, attempts: [{ error, statusCode }] });
    receiver.answer = (response) => response.writeHead(200).end();
    await due(hive, webhook);
    await dispatch(hive);
    expect(await last(webhook)).toMatchObject({ status: 'delivered', attempt: 2 });
  });

  it('that send 100 MB are read as far as the log goes', async () => {
    let sent = 0;
    const receiver = await receiverOf((response) => {
      response.writeHead(200);
      const more = () => {
        while (sent < 100 * 1024 * 1024 && !response.destroyed) {
          sent += 65_536;
          if (!response.write('x'.repeat(65_536))) return response.once('drain', more);
        }
        return response.end();
      };
      more();
    });
    const webhook = await aWebhook(hive, receiver.url, { actions: ['big.*'] });
    await happenAll(hive, ['big.one']);
    await dispatch(hive);
    const delivery = await last(webhook);
    expect(delivery).toMatchObject({ status: 'delivered', attempts: [{ statusCode: 200, response: 'x'.repeat(1_000) }] });
    expect(sent).toBeLessThan(20 * 1024 * 1024);
  });

  it('whose answer never ends have taken the delivery by its status', async () => {
    const receiver = await receiverOf((response) => void response.writeHead(200).write('so far'));
    const webhook = await aWebhook(hive, receiver.url, { actions: ['slow.*'] });
    await happenAll(hive, ['slow.one']);
    await dispatch(hive);
    expect(await last(webhook)).toMatchObject({ status: 'delivered', attempts: [{ statusCode: 200, response: 'so far' }] });
  });

  it('that are gone are tried again later', async () => {
    const receiver = await receiverOf();
    const webhook = await aWebhook(hive, receiver.url, { actions: ['gone.*'] });
    await receiver.close();
    await happenAll(hive, ['gone.one']);
    await dispatch(hive);
    expect((await last(webhook)).attempts).toMatchObject([{ statusCode: null, error: expect.stringContaining('ECONNREFUSED') }]);
  });

  it('that hang hold up nobody else', async () => {
    const [hanging, quick] = [await receiverOf(() => undefined), await receiverOf()];
    await aWebhook(hive, hanging.url, { actions: ['both.*'] });
    await aWebhook(hive, quick.url, { actions: ['both.*'] });
    await happenAll(hive, Array.from({ length: 20 }, (_, i) => `both.${i}`));
    const service = hive.app.get(DispatchService, { strict: false });
    const started = Date.now();
    await runAs(hive.orm.em, servicePrincipal(hive.me.tenantId, 'job:webhooks'), () => service.dispatch());
    while (quick.received.length < 20 && Date.now() - started < 5_000) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(quick.received).toHaveLength(20);
    // Eight at once at first; those have failed, and then it is one a turn.
    await service.idle();
    expect(hanging.received.length).toBe(8);
    await dispatch(hive);
    expect(hanging.received.length).toBe(9);
  });

  it.each([
    'http://127.0.0.2/', 'http://0.0.0.0/', 'https://10.1.2.3/', 'https://172.16.0.1/', 'https://192.168.1.1/', 'https://169.254.169.254/latest/meta-data', 'https://100.64.0.1/', 'https://[::1]/', 'https://[::]/', 'https://[fe80::1]/',
    'https://[fd00::1]/', 'https://[::ffff:10.0.0.1]/', 'https://[::ffff:a9fe:a9fe]/', 'https://[64:ff9b::7f00:1]/', 'https://[2002:7f00:1::]/', 'https://[2001:0:1::1]/', 'https://224.0.0.1/', 'https://255.255.255.255/', 'https://0x0a.1/', 'https://167772161/', 'https://0300.0250.1.1/',
    'https://private.example/', 'https://mixed.example/', 'http://public.example/', 'http://93.184.216.34/',
    'ftp://example.com/', 'file:///etc/passwd', 'javascript:alert(1)', 'example.com', 'https://', 'https://user:pass@public.example/', 'https://nowhere.example/',
  ])('are refused at %s', async (url) => {
    names.set('private.example', ['10.0.0.1']).set('mixed.example', ['93.184.216.34', '127.0.0.9']).set('public.example', ['93.184.216.34']).set('nowhere.example', []);
    const answer = await hive.post<Problem>('/v1/webhooks', { url, actions: ['*'] });
    expect([answer.status, answer.body.code, answer.body.errors.map(({ pointer }) => pointer)]).toEqual([422, 'url-not-allowed', ['/url']]);
    expect(answer.body.errors[0]!.message).not.toMatch(/93\.184|10\.0\.0\.1/);
    const webhook = await aWebhook(hive, 'https://public.example/');
    expect((await hive.patch<Problem>(`/v1/webhooks/${webhook.id}`, { url }, { headers: { 'if-match': '*' } })).body.code).toBe('url-not-allowed');
  });

  it('are looked at again at each attempt: a name that means a private address by then is not connected to', async () => {
    const receiver = await receiverOf();
    names.set('rebound.example', ['93.184.216.34']);
    const webhook = await aWebhook(hive, `https://rebound.example:${receiver.port}/`, { actions: ['name.*'] });
    names.set('rebound.example', ['127.0.0.2']);
    await happenAll(hive, ['name.one']);
    await dispatch(hive);
    expect((await last(webhook)).attempts).toMatchObject([{ statusCode: null, error: expect.stringContaining('must not lead to') }]);
    expect(receiver.received).toEqual([]);
  });

  it('are connected to at the address that was looked at, and asked for by their name', async () => {
    const receiver = await receiverOf();
    await aWebhook(hive, `http://hook.example:${receiver.port}/path?a=b`, { actions: ['host.*'] });
    await happenAll(hive, ['host.one']);
    await dispatch(hive);
    expect(receiver.received[0]!.headers.host).toBe(`hook.example:${receiver.port}`);
  });

  it('have addresses that are public, allowed, or neither', () => {
    const kinds = (networks: string, ...addresses: string[]) => addresses.map((address) => kindOf(address, allowedOf(networks)));
    expect(kinds('', '8.8.8.8', '2606:4700::1111', '127.0.0.1', '::1', 'fe80::1', '3fff::1', 'nonsense')).toEqual(['public', 'public', 'refused', 'refused', 'refused', 'refused', 'refused']);
    expect(kinds('loopback, 10.0.0.0/8', '127.9.9.9', '::1', '10.255.0.1', '11.0.0.1', '192.168.0.1')).toEqual(['allowed', 'allowed', 'allowed', 'public', 'refused']);
    expect(kinds('uniquelocal,linklocal', 'fd00::1', '172.31.0.1', '169.254.1.1', 'fe80::1', '127.0.0.1')).toEqual(['allowed', 'allowed', 'allowed', 'allowed', 'refused']);
    expect(() => allowedOf('10.0.0.0/8,nonsense')).toThrow('nonsense is no network');
  });

  it('are tried again after pauses that triple, half of each at random', () => {
    const range = (attempt: number) => {
      const pauses = Array.from({ length: 500 }, () => pauseOf(attempt, 5_000));
      return [Math.min(...pauses), Math.max(...pauses)];
    };
    for (const [attempt, pause] of [[1, 5_000], [2, 15_000], [4, 135_000], [12, 21_600_000], [20, 21_600_000]] as const) {
      const [min, max] = range(attempt);
      expect(min).toBeGreaterThanOrEqual(pause / 2);
      expect(min).toBeLessThan(pause * 0.6);
      expect(max).toBeLessThanOrEqual(pause);
      expect(max).toBeGreaterThan(pause * 0.9);
    }
  });

  it('get what a process that was killed in an attempt had in hand, once it must be over', async () => {
    const receiver = await receiverOf();
    const webhook = await aWebhook(hive, receiver.url, { actions: ['kill.*'] });
    await happenAll(hive, ['kill.one', 'kill.two'], { agentId: '01990000-0000-7000-8000-000000000001' });
    // As a process leaves it that claimed the delivery and was killed.
    await hive.database.execute(hive.orm, `update audit.webhook_cursor set sequence = (select max(sequence) from audit.leaf where tenant_id = '${hive.me.tenantId}') where webhook_id = '${webhook.id}'`);
    await hive.database.execute(hive.orm, `insert into audit.webhook_delivery (tenant_id, id, webhook_id, sequence, action, subject_type, subject_id, status, attempt, redrive_count, next_attempt_at, attempts, created_at)
      select tenant_id, gen_random_uuid(), '${webhook.id}', sequence, action, subject_type, subject_id, 'pending', case action when 'kill.one' then 1 else 0 end, 0, case action when 'kill.one' then now() + interval '5 seconds' end, '[]', now()
        from audit.leaf where tenant_id = '${hive.me.tenantId}' and action like 'kill.%'`);
    await dispatch(hive);
    expect(receiver.received).toEqual([]);
    await due(hive, webhook);
    await dispatch(hive);
    expect(receiver.actions()).toEqual(['kill.one', 'kill.two']);
    expect((await deliveries(hive, webhook)).map(({ action, attempt }) => [action, attempt])).toEqual([['kill.two', 1], ['kill.one', 2]]);
  });

  (testEngine() === 'server' ? it : it.skip)('get each event once while two servers deliver, and the rest from the other when one stops (needs a server: one process owns an embedded database)', async () => {
    const other = await anotherServer(hive, { ...options, timeoutMs: 5_000 });
    const receiver = await receiverOf((response) => void setTimeout(() => response.writeHead(200).end(), 5));
    const webhook = await aWebhook(hive, receiver.url, { actions: ['pair.*'] });
    await happenAll(hive, Array.from({ length: 60 }, (_, i) => `pair.${i}`));
    const both = [hive, other].map(({ app, orm }) => runAs(orm.em, servicePrincipal(hive.me.tenantId, 'job:webhooks'), () => app.get(DispatchService, { strict: false }).dispatch()));
    expect((await Promise.all(both)).reduce((sum, made) => sum + made, 0)).toBe(60);
    await Promise.all([hive, other].map(({ app }) => app.get(DispatchService, { strict: false }).idle()));
    await dispatch(hive);
    expect(receiver.actions().sort()).toEqual(Array.from({ length: 60 }, (_, i) => `pair.${i}`).sort());
    // A server that stops in the middle of an attempt gives the delivery back, and the attempt does not count.
    receiver.answer = () => undefined;
    await happenAll(hive, ['pair.last']);
    await runAs(other.orm.em, servicePrincipal(hive.me.tenantId, 'job:webhooks'), () => other.app.get(DispatchService, { strict: false }).dispatch());
    while (receiver.received.length < 61) await new Promise((resolve) => setTimeout(resolve, 5));
    await other.close();
    expect(await last(webhook)).toMatchObject({ action: 'pair.last', status: 'pending', attempt: 0, attempts: [] });
    receiver.answer = (response) => response.writeHead(200).end();
    await dispatch(hive);
    expect(await last(webhook)).toMatchObject({ status: 'delivered', attempt: 1 });
  });

  it('have their log for 30 days', async () => {
    const receiver = await receiverOf();
    const webhook = await aWebhook(hive, receiver.url, { actions: ['keep.*'] });
    await happenAll(hive, ['keep.one', 'keep.two']);
    await dispatch(hive);
    const forget = (days: number) => runAs(hive.orm.em, servicePrincipal(hive.me.tenantId, 'job:webhooks'), () => hive.app.get(DispatchService, { strict: false }).forget(new Date(Date.now() + days * 86_400_000)));
    expect(await forget(29)).toBe(0);
    expect(await forget(31)).toBeGreaterThanOrEqual(2);
    expect(await deliveries(hive, webhook)).toEqual([]);
  });
});
