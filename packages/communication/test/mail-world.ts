import { AgentsModule } from '@agent-hive/agents';
import { CaptureSubscriber } from '@agent-hive/audit';
import { IdentityModule } from '@agent-hive/identity';
import { Database, entitiesOf, KernelModule, runAs, servicePrincipal, withUpstream, type Principal } from '@agent-hive/kernel';
import { createHttpApp } from '@agent-hive/kernel/http';
import { testApp, TestAuthenticator, type TestAnswer, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import { Module } from '@nestjs/common';
import type { DeliveredDto, DeliveryDto } from '../src/delivery/delivery.dto.js';
import { CommunicationModule, communicationDomain, MailSweepService, type SweptMail } from '../src/index.js';
import type { AgentMessageDto } from '../src/mail/agent-message.dto.js';

/** The domain's application over a database of its own. */
export const communicationApp = (options: { poolMax?: number } = {}): Promise<TestApp> =>
  testApp({
    domains: [communicationDomain],
    modules: [IdentityModule.forRoot({ environment: 'test' }), AgentsModule.forRoot(), CommunicationModule.forRoot()],
    subscribers: [new CaptureSubscriber()],
    ...options,
  });

/** Another server process on the database of a test's application. */
export async function anotherServer(hive: TestApp): Promise<Pick<TestApp, 'baseUrl' | 'me' | 'close'>> {
  const database = await Database.open({ engine: 'server', url: hive.url!, poolMin: 0, allowSuperuser: true });
  const orm = await database.orm({ entities: entitiesOf(withUpstream(communicationDomain)), login: 'app' });

  @Module({ imports: [KernelModule.forRoot(database, orm), IdentityModule.forRoot({ environment: 'test' }), AgentsModule.forRoot(), CommunicationModule.forRoot()] })
  class AnotherModule {}

  const app = await createHttpApp(AnotherModule, { em: orm.em, authenticator: new TestAuthenticator() });
  await app.listen(0, '127.0.0.1');
  const close = async () => {
    await app.close();
    await database.close();
  };
  return { baseUrl: await app.getUrl(), me: hive.me, close };
}

/** An answer that may be a problem. */
export type Problem = { code?: string; detail?: string; errors?: { pointer: string }[] };

let serial = 0;

/** Registers an agent. */
export async function anAgent(hive: TestApp, request: TestRequest = {}): Promise<{ id: string; name: string }> {
  const made = await hive.post<{ id: string; name: string }>('/v1/agents', { name: `agent ${++serial}`, type: 'general-purpose' }, request);
  if (made.status !== 201) throw new Error(`no agent: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** Shuts an agent down. */
export const shutDown = (hive: TestApp, { id }: { id: string }) => hive.patch(`/v1/agents/${id}`, { status: 'shutdown' }, { headers: { 'if-match': '*' } });

/** The agent as a caller. */
export const by = (hive: TestApp, { id, name }: { id: string; name?: string }, overrides: Partial<Principal> = {}): TestRequest => ({
  as: { ...hive.me, actor: { type: 'agent', id, name: name ?? id }, ...overrides },
});

/** Sends a message; its type is `message` and its content something, if not told otherwise. */
export const trySend = (hive: TestApp, body: object, request: TestRequest = {}): Promise<TestAnswer<AgentMessageDto & Problem>> =>
  hive.post<AgentMessageDto & Problem>('/v1/agent-messages', { type: 'message', content: { text: `hello ${++serial}` }, ...body }, request);

/** Sends a message that arrives. */
export async function send(hive: TestApp, from: { id: string }, body: object, request: TestRequest = {}): Promise<AgentMessageDto> {
  const sent = await trySend(hive, { fromAgentId: from.id, ...body }, request);
  if (sent.status !== 201) throw new Error(`not sent: ${sent.status} ${JSON.stringify(sent.body)}`);
  return sent.body;
}

/** Takes what waits for an agent. */
export async function receive(hive: TestApp, agent: { id: string }, query = '', request: TestRequest = {}): Promise<DeliveredDto[]> {
  const answer = await hive.get<{ items: DeliveredDto[] }>(`/v1/agents/${agent.id}/inbox${query}`, request);
  if (answer.status !== 200) throw new Error(`no mail: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body.items;
}

/** What an agent writes about a delivery. */
export const write = (hive: TestApp, { id }: { id: string }, verb: 'acknowledgement' | 'rejection' | 'redrive', body: object = {}, request: TestRequest = {}) =>
  hive.post<DeliveryDto & Problem>(`/v1/deliveries/${id}/${verb}`, body, request);

/** A delivery as it is. */
export const read = async (hive: TestApp, { id }: { id: string }): Promise<DeliveryDto> => (await hive.get<DeliveryDto>(`/v1/deliveries/${id}`)).body;

/** What time does, at a moment of the test's choice. */
export const sweep = (hive: TestApp, now = new Date(), tenantId = hive.me.tenantId): Promise<SweptMail> =>
  runAs(hive.orm.em, servicePrincipal(tenantId, 'job:mail'), () => hive.app.get(MailSweepService, { strict: false }).sweep(now));

/** Actions that the record has of a subject, the oldest first. */
export async function actionsOf(hive: TestApp, subjectType: string, subjectId: string): Promise<string[]> {
  const { body } = await hive.get<{ items: { action: string }[] }>(`/v1/audit/entries?subjectType=${subjectType}&subjectId=${encodeURIComponent(subjectId)}&limit=100`);
  return body.items.map((entry) => entry.action).reverse();
}

export const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000);
