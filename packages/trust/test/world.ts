import { AgentsModule } from '@agent-hive/agents';
import { CaptureSubscriber } from '@agent-hive/audit';
import { IdentityModule } from '@agent-hive/identity';
import { runAs, servicePrincipal, type Principal } from '@agent-hive/kernel';
import { testApp, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import { AnswersService, TrustModule, trustDomain, type InteractionDto } from '../src/index.js';

/** What an answer of the API may be: an interaction, or the problem why not. */
export type Answered = InteractionDto & { code?: string; detail?: string; errors?: { pointer: string; allowed?: unknown[] }[] };

/** The domain's application over a database of its own. */
export const trustApp = (options: { poolMax?: number } = {}): Promise<TestApp> =>
  testApp({ domains: [trustDomain], modules: [IdentityModule.forRoot({ environment: 'test' }), AgentsModule.forRoot(), TrustModule], subscribers: [new CaptureSubscriber()], ...options });

let serial = 0;

/** Registers an agent. */
export async function anAgent(hive: TestApp, request: TestRequest = {}): Promise<{ id: string }> {
  const made = await hive.post<{ id: string }>('/v1/agents', { name: `agent ${++serial}`, type: 'general-purpose' }, request);
  if (made.status !== 201) throw new Error(`no agent: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** A user of the tenant, as whom a request may be sent. */
export async function aPerson(hive: TestApp, tenant: Principal = hive.me): Promise<Principal & { actor: { id: string } }> {
  const made = await hive.post<{ id: string }>('/v1/users', { email: `person${++serial}@example.com` }, { as: tenant });
  if (made.status !== 201) throw new Error(`no user: ${made.status} ${JSON.stringify(made.body)}`);
  return { ...tenant, actor: { type: 'user', id: made.body.id, name: `person ${serial}` } };
}

/** The agent's own key, with every scope. */
export const asAgent = ({ id }: { id: string }, tenant: Principal): Principal => ({ ...tenant, actor: { type: 'agent', id, name: `agent ${id}` } });

export const DEPLOY = { name: 'deploy', parameters: { service: 'web', revision: 7, regions: ['eu', 'us'] } };

/** Asks something: by default for the approval of a deployment. */
export async function asked(hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<InteractionDto> {
  const made = await hive.post<InteractionDto>('/v1/interactions', { type: 'approval_request', content: 'May I?', ...('type' in overrides ? {} : { action: DEPLOY }), ...overrides }, request);
  if (made.status !== 201) throw new Error(`not asked: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

export const respond = (hive: TestApp, { id }: { id: string }, body: object, request: TestRequest = {}) => hive.post<Answered>(`/v1/interactions/${id}/response`, body, request);

export const use = (hive: TestApp, { id }: { id: string }, action: object = DEPLOY, request: TestRequest = {}) => hive.post<Answered>(`/v1/interactions/${id}/use`, { action }, request);

export const read = async (hive: TestApp, { id }: { id: string }, query = '', request: TestRequest = {}): Promise<InteractionDto> => (await hive.get<InteractionDto>(`/v1/interactions/${id}${query}`, request)).body;

/** An approval that was given. */
export async function approved(hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<InteractionDto> {
  const answer = await respond(hive, await asked(hive, overrides, request), { status: 'approved' }, request);
  if (answer.status !== 200) throw new Error(`not approved: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** What the sweeper does, at a moment of the test's choice; returns how many have expired. */
export const expire = (hive: TestApp, now = new Date(), tenantId = hive.me.tenantId): Promise<number> =>
  runAs(hive.orm.em, servicePrincipal(tenantId, 'job:interactions'), () => hive.app.get(AnswersService, { strict: false }).expire(now));

/** Names of the actions that the record has of a subject, newest first. */
export async function recorded(hive: TestApp, id: string, request: TestRequest = {}): Promise<string[]> {
  const { body } = await hive.get<{ items: { action: string }[] }>(`/v1/audit/entries?subjectId=${id}`, request);
  return body.items.map((entry) => entry.action);
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000);
