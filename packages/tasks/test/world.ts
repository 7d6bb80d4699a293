import { AgentsModule } from '@agent-hive/agents';
import { CaptureSubscriber } from '@agent-hive/audit';
import { IdentityModule } from '@agent-hive/identity';
import { runAs, servicePrincipal } from '@agent-hive/kernel';
import { testApp, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import { SweepService, TasksModule, tasksDomain, type Swept, type TaskDto } from '../src/index.js';

/** The domain's application over a database of its own. */
export const tasksApp = (options: { poolMax?: number } = {}): Promise<TestApp> =>
  testApp({ domains: [tasksDomain], modules: [IdentityModule.forRoot({ environment: 'test' }), AgentsModule.forRoot(), TasksModule], subscribers: [new CaptureSubscriber()], ...options });

let serial = 0;

/** Registers an agent that can do anything it is told to have capabilities for. */
export async function anAgent(hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<{ id: string }> {
  const made = await hive.post<{ id: string }>('/v1/agents', { name: `agent ${++serial}`, type: 'general-purpose', ...overrides }, request);
  if (made.status !== 201) throw new Error(`no agent: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
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
export const write = (hive: TestApp, held: Held, verb: 'heartbeat' | 'completion' | 'failure' | 'release', body: object = {}, request: TestRequest = {}) =>
  hive.post<TaskDto & { code?: string }>(`/v1/tasks/${held.task.id}/${verb}`, { fencingToken: held.fencingToken, ...body }, request);

/** Completes what is held. */
export async function complete(hive: TestApp, held: Held, body: object = {}, request: TestRequest = {}): Promise<TaskDto> {
  const answer = await write(hive, held, 'completion', body, request);
  if (answer.status !== 200) throw new Error(`not completed: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export const read = async (hive: TestApp, { id }: { id: string }, request: TestRequest = {}): Promise<TaskDto> => (await hive.get<TaskDto>(`/v1/tasks/${id}`, request)).body;

/** What time does, at a moment of the test's choice. */
export const sweep = (hive: TestApp, now = new Date(), tenantId = hive.me.tenantId): Promise<Swept> =>
  runAs(hive.orm.em, servicePrincipal(tenantId, 'job:tasks'), () => hive.app.get(SweepService, { strict: false }).sweep(now));

export const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000);
