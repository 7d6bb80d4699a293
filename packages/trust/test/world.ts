import { AgentsModule } from '@agent-hive/agents';
import { CaptureSubscriber } from '@agent-hive/audit';
import { IdentityModule } from '@agent-hive/identity';
import { runAs, servicePrincipal, type Principal } from '@agent-hive/kernel';
import { testApp, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import type { AuthorizationDto } from '../src/authorization/authorization.dto.js';
import type { DecisionDto } from '../src/decision/decision.dto.js';
import type { AgentTrustDto, LevelChangeDto } from '../src/level/trust.dto.js';
import type { OverrideDto } from '../src/measure/measure.dto.js';
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

/** A session of an agent. */
export async function aSession(hive: TestApp, agent: { id: string }, overrides: object = {}, request: TestRequest = {}): Promise<{ id: string; trustLevel: string }> {
  const made = await hive.post<{ id: string; trustLevel: string }>('/v1/sessions', { agentId: agent.id, ...overrides }, request);
  if (made.status !== 201) throw new Error(`no session: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

export const DECISION = { decisionType: 'code_generation', inputContext: { file: 'a.ts' }, actionTaken: { write: 'b.ts' } };

/** Records a decision. */
export async function decided(hive: TestApp, session: { id: string }, overrides: object = {}, request: TestRequest = {}): Promise<DecisionDto> {
  const made = await hive.post<DecisionDto>(`/v1/sessions/${session.id}/decisions`, { ...DECISION, ...overrides }, request);
  if (made.status !== 201) throw new Error(`not decided: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** Says what a person thinks of a decision. */
export const judge = (hive: TestApp, { id }: { id: string }, feedback: string, request: TestRequest = {}, rest: object = {}) =>
  hive.put<DecisionDto & { code?: string }>(`/v1/decisions/${id}/feedback`, { feedback, ...rest }, request);

/** Records decisions that are judged, in turn. */
export async function judged(hive: TestApp, session: { id: string }, feedback: readonly string[], overrides: object = {}): Promise<void> {
  for (const said of feedback) {
    const answer = await judge(hive, await decided(hive, session, overrides), said);
    if (answer.status !== 200) throw new Error(`not judged: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
}

/** How far an agent is trusted. */
export const trustOf = async (hive: TestApp, { id }: { id: string }, request: TestRequest = {}): Promise<AgentTrustDto> => (await hive.get<AgentTrustDto>(`/v1/agents/${id}/trust`, request)).body;

/** The changes of an agent's levels, newest first. */
export const changesOf = async (hive: TestApp, { id }: { id: string }, request: TestRequest = {}): Promise<LevelChangeDto[]> => (await hive.get<{ items: LevelChangeDto[] }>(`/v1/agents/${id}/trust/changes?limit=100`, request)).body.items;

/** Gives an agent a level for an hour, in every class unless one is named. */
export async function overridden(hive: TestApp, { id }: { id: string }, level: string, overrides: object = {}, request: TestRequest = {}): Promise<OverrideDto> {
  const made = await hive.post<OverrideDto>(`/v1/agents/${id}/trust/overrides`, { level, reason: 'as tests need it', expiresAt: inSeconds(3600).toISOString(), ...overrides }, request);
  if (made.status !== 201) throw new Error(`not overridden: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** Asks the gate. */
export const authorize = (hive: TestApp, { id: agentId }: { id: string }, action: string, risk: string, rest: object = {}, request: TestRequest = {}) =>
  hive.post<AuthorizationDto & { code?: string }>('/v1/authorizations', { agentId, action, risk, ...rest }, request);
