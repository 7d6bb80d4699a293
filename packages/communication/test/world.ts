import { AgentsModule, type SessionDto } from '@agent-hive/agents';
import { CaptureSubscriber } from '@agent-hive/audit';
import { IdentityModule } from '@agent-hive/identity';
import { Database, entitiesOf, KernelModule, withUpstream } from '@agent-hive/kernel';
import { createHttpApp } from '@agent-hive/kernel/http';
import { testApp, TestAuthenticator, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import { TrustModule } from '@agent-hive/trust';
import { Module } from '@nestjs/common';
import { CommunicationModule, communicationDomain, type CommunicationOptions, type MessageDto } from '../src/index.js';

/** What an application of the domain is made of. */
export const modules = (options: CommunicationOptions = {}) => [IdentityModule.forRoot({ environment: 'test' }), AgentsModule.forRoot(), TrustModule, CommunicationModule.forRoot(options)];

/** The domain's application over a database of its own. */
export const communicationApp = ({ poolMax, ...options }: CommunicationOptions & { poolMax?: number } = {}): Promise<TestApp> =>
  testApp({ domains: [communicationDomain], modules: modules(options), subscribers: [new CaptureSubscriber()], ...(poolMax !== undefined && { poolMax }) });

/** Another server process on the database of a test's application. */
export async function anotherServer(hive: TestApp): Promise<Pick<TestApp, 'baseUrl' | 'me' | 'close'>> {
  const database = await Database.open({ engine: 'server', url: hive.url!, poolMin: 0, allowSuperuser: true });
  const orm = await database.orm({ entities: entitiesOf(withUpstream(communicationDomain)), subscribers: [new CaptureSubscriber()], login: 'app' });

  @Module({ imports: [KernelModule.forRoot(database, orm), ...modules()] })
  class AnotherModule {}

  const app = await createHttpApp(AnotherModule, { em: orm.em, authenticator: new TestAuthenticator() });
  await app.listen(0, '127.0.0.1');
  const close = async () => {
    await app.close();
    await database.close();
  };
  return { baseUrl: await app.getUrl(), me: hive.me, close };
}

async function made<T>(hive: TestApp, path: string, body: object, request: TestRequest): Promise<T> {
  const answer = await hive.post<T>(path, body, request);
  if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Registers an agent. */
export const anAgent = (hive: TestApp, request: TestRequest = {}): Promise<{ id: string }> => made(hive, '/v1/agents', { name: 'agent', type: 'general-purpose' }, request);

/** Starts a session, by default one of nobody's. */
export const aSession = (hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<SessionDto> => made(hive, '/v1/sessions', overrides, request);

/** Appends a message, by default one of a user. */
export const say = (hive: TestApp, session: { id: string }, content: string, overrides: object = {}, request: TestRequest = {}): Promise<MessageDto> =>
  made(hive, `/v1/sessions/${session.id}/messages`, { role: 'user', content, ...overrides }, request);

/** Appends so many messages in one request: `1`, `2` and so on. */
export async function sayMany(hive: TestApp, session: { id: string }, count: number, request: TestRequest = {}): Promise<MessageDto[]> {
  const messages = Array.from({ length: count }, (_, i) => ({ role: 'user', content: `${i + 1}` }));
  return (await made<{ items: MessageDto[] }>(hive, `/v1/sessions/${session.id}/messages`, messages, request)).items;
}

/** What a session shows, as `sequence:content`, by a query. */
export async function shown(hive: TestApp, session: { id: string }, query = 'limit=100', request: TestRequest = {}): Promise<string[]> {
  const { body } = await hive.get<{ items: MessageDto[] }>(`/v1/sessions/${session.id}/messages?${query}`, request);
  return body.items.map(({ sequence, content }) => `${sequence}:${content}`);
}
