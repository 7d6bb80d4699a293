import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Database, entitiesOf, KernelModule, newId, runAs, servicePrincipal, tenantSql, withUpstream, type Principal } from '@agent-hive/kernel';
import { createHttpApp } from '@agent-hive/kernel/http';
import { testApp, TestAuthenticator, type TestApp } from '@agent-hive/kernel/testing';
import { Module } from '@nestjs/common';
import { auditDomain, AuditModule, AuditSettingsModule, CaptureSubscriber, DispatchService, insertEntries, SealingService, WebhooksModule, type WebhookOptions } from '../src/index.js';
import type { EventDto } from '../src/feed/event.dto.js';
import type { CreatedWebhookDto, WebhookDeliveryDto } from '../src/webhook/webhook.dto.js';

/** All servers of a database have one key-encryption key. */
const settings = AuditSettingsModule.of({ encryptionKeys: { kind: 'keys', text: '11'.repeat(32) } });

/** The domain's application over a database of its own; webhooks may lead to loopback addresses, where the tests' receivers are. */
export const feedApp = (options: WebhookOptions = { allowedNetworks: 'loopback' }): Promise<TestApp> =>
  testApp({ domains: [auditDomain], modules: [settings, AuditModule, WebhooksModule.forRoot(options)], subscribers: [new CaptureSubscriber()] });

/** Another server process on the database of a test's application. */
export async function anotherServer(hive: TestApp, options: WebhookOptions = { allowedNetworks: 'loopback' }): Promise<Pick<TestApp, 'app' | 'orm' | 'baseUrl' | 'me' | 'close'>> {
  const database = await Database.open({ engine: 'server', url: hive.url!, poolMin: 0, allowSuperuser: true });
  const orm = await database.orm({ entities: entitiesOf(withUpstream(auditDomain)), subscribers: [new CaptureSubscriber()], login: 'app' });

  @Module({ imports: [KernelModule.forRoot(database, orm), settings, AuditModule, WebhooksModule.forRoot(options)] })
  class AnotherModule {}

  const app = await createHttpApp(AnotherModule, { em: orm.em, authenticator: new TestAuthenticator() });
  await app.listen(0, '127.0.0.1');
  const close = async () => {
    await app.close();
    await database.close();
  };
  return { app, orm, baseUrl: await app.getUrl(), me: hive.me, close };
}

/** Records an action of an agent; by default of one that nothing else is about. */
export async function happen(hive: TestApp, actionType: string, { agentId = newId(), as = hive.me, details = {} }: { agentId?: string; as?: Principal; details?: object } = {}): Promise<{ id: string; agentId: string }> {
  const made = await hive.post<{ id: string }>('/v1/audit/entries', { agentId, actionType, actionDetails: details, riskLevel: 'low' }, { as });
  if (made.status !== 201) throw new Error(`nothing happened: ${made.status} ${JSON.stringify(made.body)}`);
  return { id: made.body.id, agentId };
}

/** Gives all that is not sealed its place in the feed. */
export async function seal(hive: TestApp, tenantId = hive.me.tenantId): Promise<void> {
  const isBehind = `select 1 from audit.entry e where e.tenant_id = '${tenantId}' and not exists (select from audit.leaf l where l.tenant_id = e.tenant_id and l.entry_id = e.id) limit 1`;
  while ((await hive.database.execute(hive.orm, isBehind)).length > 0) await runAs(hive.orm.em, servicePrincipal(tenantId, 'job:seal'), () => hive.app.get(SealingService, { strict: false }).seal());
}

/** Records actions, in their order, and seals them: of one agent, or each of another. */
export async function happenAll(hive: TestApp, actions: readonly string[], { agentId, as = hive.me }: { agentId?: string; as?: Principal } = {}): Promise<void> {
  const entries = actions.map((action) => ({ action, subjectType: 'agent', subjectId: agentId ?? newId(), risk: 'low' as const }));
  await runAs(hive.orm.em, as, () => tenantSql(hive.orm.em, (db) => insertEntries(entries).execute(db)));
  await seal(hive, as.tenantId);
}

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
  event: { type: string; timestamp: string; data: EventDto };
  at: number;
}

/** A receiver of webhooks on this machine: a real server. `answer` decides what it says to the n-th request, from 1 on; 204 by default. */
export async function aReceiver(answer: (response: ServerResponse, n: number) => void = (response) => response.writeHead(204).end()) {
  const received: Received[] = [];
  const receiver = { answer };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      received.push({ headers: request.headers, body, event: JSON.parse(body) as Received['event'], at: Date.now() });
      receiver.answer(response, received.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(receiver, {
    received,
    port,
    url: `http://127.0.0.1:${port}/hook`,
    actions: () => received.map(({ event }) => event.type),
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
}

/** Makes a webhook. */
export async function aWebhook(hive: TestApp, url: string, overrides: object = {}, as = hive.me): Promise<CreatedWebhookDto> {
  const made = await hive.post<CreatedWebhookDto>('/v1/webhooks', { url, actions: ['*'], ...overrides }, { as });
  if (made.status !== 201) throw new Error(`no webhook: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** What the job does once: makes deliveries and attempts, and waits until no more is due. */
export async function dispatch(hive: TestApp, now = new Date(), tenantId = hive.me.tenantId): Promise<number> {
  const service = hive.app.get(DispatchService, { strict: false });
  const made = await runAs(hive.orm.em, servicePrincipal(tenantId, 'job:webhooks'), () => service.dispatch(now));
  await service.idle();
  return made;
}

/** Lets what waits for its next attempt be due. */
export const due = (hive: TestApp, { id }: { id: string }): Promise<unknown> =>
  hive.database.execute(hive.orm, `update audit.webhook_delivery set next_attempt_at = now() - interval '1 second' where webhook_id = '${id}' and next_attempt_at is not null`);

/** The deliveries of a webhook, the newest event first. */
export const deliveries = async (hive: TestApp, { id }: { id: string }, query = 'limit=100', as = hive.me): Promise<WebhookDeliveryDto[]> =>
  (await hive.get<{ items: WebhookDeliveryDto[] }>(`/v1/webhooks/${id}/deliveries?${query}`, { as })).body.items;
