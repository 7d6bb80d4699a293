import { AgentsModule } from '@agent-hive/agents';
import { CaptureSubscriber } from '@agent-hive/audit';
import { IdentityModule } from '@agent-hive/identity';
import { newId, runAs, servicePrincipal } from '@agent-hive/kernel';
import { testApp, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import { TrustModule, type InteractionDto } from '@agent-hive/trust';
import { AssignmentsService, EstimatesService, SweepService, TasksModule, tasksDomain, type Swept, type TaskDto, type TasksOptions } from '../src/index.js';

/** The domain's application over a database of its own. */
export const tasksApp = ({ poolMax, ...options }: { poolMax?: number } & TasksOptions = {}): Promise<TestApp> =>
  testApp({
    domains: [tasksDomain],
    modules: [IdentityModule.forRoot({ environment: 'test' }), AgentsModule.forRoot(), TrustModule, TasksModule.forRoot(options)],
    subscribers: [new CaptureSubscriber()],
    ...(poolMax !== undefined && { poolMax }),
  });

let serial = 0;

/** Registers an agent that can do anything it is told to have capabilities for. */
export async function anAgent(hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<{ id: string; name: string }> {
  const made = await hive.post<{ id: string; name: string }>('/v1/agents', { name: `agent ${++serial}`, type: 'general-purpose', ...overrides }, request);
  if (made.status !== 201) throw new Error(`no agent: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** Registers an agent that takes work, so that it can be chosen. */
export async function anActiveAgent(hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<{ id: string; name: string }> {
  const agent = await anAgent(hive, overrides, request);
  const answer = await hive.post<{ status: string }>(`/v1/agents/${agent.id}/heartbeat`, { status: 'active' }, request);
  if (answer.status !== 200) throw new Error(`no heartbeat: ${answer.status} ${JSON.stringify(answer.body)}`);
  return agent;
}

/** Creates a task. */
export async function aTask(hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<TaskDto> {
  const made = await hive.post<TaskDto>('/v1/tasks', { title: `task ${++serial}`, ...overrides }, request);
  if (made.status !== 201) throw new Error(`no task: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

export interface Held {
  task: TaskDto;
  attemptId: string;
  fencingToken: number;
  leaseExpiresAt: string;
}

/** Claims for an agent. */
export async function claim(hive: TestApp, agent: { id: string }, body: object = {}, request: TestRequest = {}): Promise<Held[]> {
  const answer = await hive.post<{ items: Held[] }>('/v1/claims', { agentId: agent.id, ...body }, request);
  if (answer.status !== 200) throw new Error(`no claim: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body.items;
}

/** A write of a worker about what it holds. */
export const write = (hive: TestApp, held: Held, verb: 'heartbeat' | 'completion' | 'failure' | 'release' | 'wait', body: object = {}, request: TestRequest = {}) =>
  hive.post<TaskDto & { code?: string }>(`/v1/tasks/${held.task.id}/${verb}`, { fencingToken: held.fencingToken, ...body }, request);

/** Completes what is held. */
export async function complete(hive: TestApp, held: Held, body: object = {}, request: TestRequest = {}): Promise<TaskDto> {
  const answer = await write(hive, held, 'completion', body, request);
  if (answer.status !== 200) throw new Error(`not completed: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export const read = async (hive: TestApp, { id }: { id: string }, request: TestRequest = {}): Promise<TaskDto> => (await hive.get<TaskDto>(`/v1/tasks/${id}`, request)).body;

/** Asks a person, by default for a decision. */
export async function asked(hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<InteractionDto> {
  const made = await hive.post<InteractionDto>('/v1/interactions', { type: 'decision_point', content: 'Which?', ...overrides }, request);
  if (made.status !== 201) throw new Error(`not asked: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** A person's answer. */
export async function answer(hive: TestApp, { id }: { id: string }, body: object = { status: 'answered', response: 'this' }, request: TestRequest = {}): Promise<InteractionDto> {
  const answered = await hive.post<InteractionDto>(`/v1/interactions/${id}/response`, body, request);
  if (answered.status !== 200) throw new Error(`not answered: ${answered.status} ${JSON.stringify(answered.body)}`);
  return answered.body;
}

/** What time does, at a moment of the test's choice. */
export const sweep = (hive: TestApp, now = new Date(), tenantId = hive.me.tenantId): Promise<Swept> =>
  runAs(hive.orm.em, servicePrincipal(tenantId, 'job:tasks'), () => hive.app.get(SweepService, { strict: false }).sweep(now));

/** Attempts at a task that are over and took so many milliseconds each, as if they had begun just now. */
export async function pastAttempts(hive: TestApp, at: { tenantId: string; task: { id: string }; agent: { id: string } }, durationsMs: readonly number[], outcome = 'completed'): Promise<void> {
  const now = Date.now();
  const rows = durationsMs.map((ms) => `('${at.tenantId}', '${newId()}', '${at.task.id}', '${at.agent.id}', 1, 1, 0, '${new Date(now).toISOString()}', '${new Date(now + ms).toISOString()}', '${outcome}')`);
  await hive.database.execute(hive.orm, `insert into tasks.attempt (tenant_id, id, task_id, agent_id, fencing_token, number, redrive, claimed_at, ended_at, outcome) values ${rows.join(', ')}`);
}

/** Measures durations anew, at a moment of the test's choice; returns how many figures changed. */
export const refreshEstimates = (hive: TestApp, now = new Date(), tenantId = hive.me.tenantId): Promise<number> =>
  runAs(hive.orm.em, servicePrincipal(tenantId, 'job:estimates'), () => hive.app.get(EstimatesService, { strict: false }).refresh(now));

/** Gives back what waits for agents that are shut down; returns how many tasks. */
export const releaseStranded = (hive: TestApp, tenantId = hive.me.tenantId): Promise<number> =>
  runAs(hive.orm.em, servicePrincipal(tenantId, 'job:assignments'), () => hive.app.get(AssignmentsService, { strict: false }).releaseStranded());

export const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000);
