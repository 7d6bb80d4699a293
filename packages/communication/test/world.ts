import { AgentsModule, type SessionDto } from '@agent-hive/agents';
import { CaptureSubscriber } from '@agent-hive/audit';
import { IdentityModule } from '@agent-hive/identity';
import { testApp, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import { CommunicationModule, communicationDomain, type CommunicationOptions, type MessageDto } from '../src/index.js';

/** The domain's application over a database of its own. */
export const communicationApp = (options: CommunicationOptions = {}): Promise<TestApp> =>
  testApp({
    domains: [communicationDomain],
    modules: [IdentityModule.forRoot({ environment: 'test' }), AgentsModule.forRoot(), CommunicationModule.forRoot(options)],
    subscribers: [new CaptureSubscriber()],
  });

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
