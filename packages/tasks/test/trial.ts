import { isDeepStrictEqual } from 'node:util';
import { HiveError, runAs, type Principal } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { AnswersService, InteractionsService } from '@agent-hive/trust';
import { DependenciesService } from '../src/dependency/dependencies.service.js';
import { ClaimsService, LifecycleService, TasksService, WorkService, type NewTask, type TaskDto } from '../src/index.js';
import { QueuesService } from '../src/queue/queues.service.js';
import { WaitsService } from '../src/wait/waits.service.js';
import { Model, type Refusals, type Spec, type Task, type Write } from './model.js';
import { AGENTS, references, type Operation } from './operations.js';
import { anAgent, inSeconds, sweep } from './world.js';

/** The service did what the model does not. */
export class Divergence extends Error {}

/** One tenant and its model, to both of which the same is done. */
export class Trial {
  readonly model = new Model();
  private readonly ids = new Map<number, string>();
  private readonly questions = new Map<number, string>();
  private readonly as: Principal = principal();
  private readonly agents: string[] = [];

  private constructor(private readonly hive: TestApp) {}

  static async begin(hive: TestApp): Promise<Trial> {
    const trial = new Trial(hive);
    for (let i = 0; i < AGENTS; i++) trial.agents.push((await anAgent(hive, {}, { as: trial.as })).id);
    return trial;
  }

  /** Does it to both. Throws Divergence when the answers differ. */
  async perform(operation: Operation): Promise<void> {
    if (references(operation).some((name) => !this.model.tasks.has(name))) return; // its creation was refused, or left out
    switch (operation.do) {
      case 'create':
        return this.create(operation.tasks);
      case 'claim':
        return this.claim(operation);
      case 'complete':
        return this.complete(operation.writes);
      case 'heartbeat':
        return this.answered(this.work(operation, (id, fence) => this.get(WorkService).heartbeat(id, { ...fence, leaseSeconds: operation.leaseSeconds })), () => this.model.heartbeat(operation, operation.leaseSeconds));
      case 'fail':
        return this.answered(this.work(operation, (id, fence) => this.get(WorkService).fail(id, { ...fence, error: { message: 'no', retryable: operation.retryable } })), () => this.model.fail(operation, operation.retryable));
      case 'release':
        return this.answered(this.work(operation, (id, fence) => this.get(WorkService).release(id, fence)), () => this.model.release(operation));
      case 'wait': {
        const interactionId = await this.asked(operation.question);
        return this.answered(this.work(operation, (id, fence) => this.get(WaitsService).wait(id, { ...fence, interactionId })), () => this.model.wait(operation, operation.question));
      }
      case 'answer': {
        const id = await this.asked(operation.question);
        return this.answered(this.run(() => this.get(AnswersService).respond(id, { status: 'answered', response: 'so' })), () => this.model.answer(operation.question));
      }
      case 'cancel':
        return this.answered(this.run(() => this.get(LifecycleService).cancel(this.id(operation.task), { reason: 'no need', tree: operation.tree })), () => this.model.cancel(operation.task, operation.tree));
      case 'redrive':
        return this.answered(this.run(() => this.get(LifecycleService).redrive(this.id(operation.task))), () => this.model.redrive(operation.task));
      case 'depend':
        return this.answered(this.run(() => this.get(DependenciesService).upsert(this.id(operation.task), this.id(operation.on), operation.type)), () => this.model.depend(operation.task, operation.on, operation.type));
      case 'undepend':
        return this.answered(this.run(() => this.get(DependenciesService).delete(this.id(operation.task), this.id(operation.on))), () => this.model.undepend(operation.task, operation.on));
      case 'limit':
        return this.answered(this.run(() => this.get(QueuesService).upsertLimit(operation.key, { limit: operation.limit })), () => (this.model.setLimit(operation.key, operation.limit), []));
      case 'sweep': {
        const [swept, expected] = [await sweep(this.hive, inSeconds(operation.ahead), this.as.tenantId), this.model.sweep(operation.ahead)];
        if (!isDeepStrictEqual(swept, expected)) throw new Divergence(`swept ${JSON.stringify(swept)}, by the model ${JSON.stringify(expected)}`);
      }
    }
  }

  /** Compares all there is. Throws Divergence with every task that differs. */
  async compare(): Promise<void> {
    const rows = await this.hive.database.execute<{ id: string; state: object }>(this.hive.orm, stateOf(this.as.tenantId));
    const names = new Map([...this.ids].map(([name, id]) => [id, name]));
    const lines: string[] = rows.length === this.model.tasks.size ? [] : [`${rows.length} tasks, by the model ${this.model.tasks.size}`];
    for (const { id, state } of rows) {
      const task = this.model.tasks.get(names.get(id) ?? -1);
      const expected = task && this.expected(task);
      if (!isDeepStrictEqual(state, expected)) lines.push(`task ${task?.name}: ${differences(state, expected ?? {})}`);
    }
    if (lines.length > 0) throw new Divergence(lines.join('\n'));
  }

  private async create(specs: readonly Spec[]): Promise<void> {
    const at = new Map(specs.map((spec, i) => [spec.name, i]));
    const inputs = specs.map((spec): NewTask => {
      const { name, queue, priority, key, maxAttempts, childPolicy, onDependencyFailure } = spec;
      const parent = spec.parent === null ? {} : at.has(spec.parent) ? { parentIndex: at.get(spec.parent)! } : { parentId: this.id(spec.parent) };
      const dependsOn = spec.dependsOn.map(({ on, type }) => ({ type, ...(at.has(on) ? { index: at.get(on)! } : { taskId: this.id(on) }) }));
      const moments = { runAt: spec.runAt === null ? null : inSeconds(spec.runAt).toISOString(), deadlineAt: spec.deadlineAt === null ? null : inSeconds(spec.deadlineAt).toISOString() };
      const assigneeId = spec.reservedFor === null ? null : this.agents[spec.reservedFor]!;
      return { title: String(name), queue, priority, concurrencyKey: key, maxAttempts, childPolicy, onDependencyFailure, assigneeId, dependsOn, backoff: { kind: 'fixed', seconds: spec.pause }, ...parent, ...moments };
    });
    const [code, made] = await settled(this.run(async () => (inputs.length === 1 ? [await this.get(TasksService).create(inputs[0]!)] : this.get(TasksService).createBatch(inputs))));
    for (const [i, task] of (made ?? []).entries()) this.ids.set(specs[i]!.name, task.id);
    this.judge(code, this.model.create(specs), made ?? []);
  }

  private async claim({ agent, queues, limit, leaseSeconds }: Operation & { do: 'claim' }): Promise<void> {
    const claimable = this.model.claimable(agent, queues);
    const { items } = await this.run(() => this.get(ClaimsService).claim({ agentId: this.agents[agent]!, queues: queues ?? undefined, limit, leaseSeconds }), agent);
    const names = items.map(({ task }) => Number(task.title));
    // Between queues it is their turns that decide; within each, priority and age.
    const count = Math.min(limit, claimable.length);
    const first = claimable.filter((task) => names.includes(task.name) && claimable.filter((other) => other.queue === task.queue).indexOf(task) < names.filter((name) => this.model.tasks.get(name)?.queue === task.queue).length);
    if (!isDeepStrictEqual(names, first.map((task) => task.name)) || names.length !== count) throw new Divergence(`claimed ${names.join(', ') || 'nothing'}, by the model ${count} of ${claimable.map((task) => `${task.name} (${task.queue})`).join(', ')}`);
    this.model.claim(agent, names, leaseSeconds);
    for (const item of items) if (item.fencingToken !== this.model.tasks.get(Number(item.task.title))!.token) throw new Divergence(`task ${item.task.title} has token ${item.fencingToken}`);
  }

  /** Several are not one change: of a task whose wait another one ends, only the code of the answer is sure. So it is with claims, whose start may end something. */
  private async complete(writes: readonly Write[]): Promise<void> {
    const items = writes.map((write) => this.fenced(write));
    const { items: answers } = await this.run(() => this.get(WorkService).completeMany(items), writes[0]!.by);
    const refusals = this.model.complete(writes);
    for (const [i, { outcome, task }] of answers.entries()) this.judge(outcome === 'completed' ? null : outcome, refusals[i]!, task !== null && writes.length === 1 ? [task] : []);
  }

  private work(write: Write, send: (id: string, fence: { fencingToken: number }) => Promise<TaskDto>): Promise<TaskDto> {
    const { taskId, fencingToken } = this.fenced(write);
    return this.run(() => send(taskId, { fencingToken }), write.by);
  }

  private fenced({ task, tokenOff }: Write) {
    return { taskId: this.id(task), fencingToken: this.model.tasks.get(task)!.token + tokenOff };
  }

  private async answered(answer: Promise<unknown>, model: () => Refusals): Promise<void> {
    const [code, value] = await settled(answer);
    this.judge(code, model(), value !== null && typeof value === 'object' && 'title' in value && 'heldBy' in value ? [value as TaskDto] : []);
  }

  /** A refusal must be one of the model's; what is answered must be as the model has it afterwards. */
  private judge(code: string | null, refusals: Refusals, tasks: readonly TaskDto[]): void {
    if (code === null ? refusals.length > 0 : !refusals.includes(code)) throw new Divergence(`answered ${code ?? 'well'}, by the model ${refusals.join(' or ') || 'well'}`);
    for (const { title, status, heldBy, attempt } of tasks) {
      const task = this.model.tasks.get(Number(title))!;
      const expected = { status: task.status, heldBy: task.heldBy, attempt: task.attempt };
      if (!isDeepStrictEqual({ status, heldBy, attempt }, expected)) throw new Divergence(`task ${title} in the answer: ${differences({ status, heldBy, attempt }, expected)}`);
    }
  }

  private expected(task: Task) {
    const children = this.model.childrenOf(task);
    const ended = (statuses: string[]) => children.filter((child) => statuses.includes(child.status)).length;
    return {
      status: task.status, waitsFor: task.waitsFor, question: task.question === null ? null : this.questions.get(task.question), heldBy: task.heldBy, attempt: task.attempt, token: task.token, redrives: task.redrives,
      agent: task.agent === null ? null : this.agents[task.agent], parent: task.parent === null ? null : this.id(task.parent), leased: task.leaseUntil !== null,
      openStarts: this.model.openEdges(task, true), openFinishes: this.model.openEdges(task, false),
      children: [children.length, children.length - ended(['completed', 'failed', 'cancelled', 'dead']), ended(['failed', 'cancelled', 'dead'])],
      edges: Object.fromEntries([...task.edges].map(([on, { type, over }]) => [this.id(on), `${type} ${over ? 'over' : 'open'}`])),
      attempts: task.attempts.map(({ token, number, redrive, outcome }) => `${token}: ${number}.${redrive} ${outcome ?? 'under way'}`),
      entries: task.entries,
    };
  }

  /** The id of a question, which is asked when it is first spoken of. */
  private async asked(question: number): Promise<string> {
    const id = this.questions.get(question) ?? (await this.run(() => this.get(InteractionsService).create({ type: 'decision_point', content: 'which?' }))).id;
    this.questions.set(question, id);
    return id;
  }

  private id(name: number): string {
    return this.ids.get(name)!;
  }

  private get<T>(service: abstract new (...args: never[]) => T): T {
    return this.hive.app.get(service, { strict: false });
  }

  private run<T>(work: () => Promise<T>, agent: number | null = null): Promise<T> {
    const actor: Principal['actor'] = agent === null ? this.as.actor : { type: 'agent', id: this.agents[agent]!, name: `agent ${agent}` };
    return runAs(this.hive.orm.em, { ...this.as, actor }, work);
  }
}

/** What Trial.expected() says, as the database has it. */
const stateOf = (tenantId: string): string => `
  select t.id, jsonb_build_object(
           'status', t.status, 'waitsFor', case when t.status = 'waiting' then t.status_reason end, 'question', t.interaction_id, 'heldBy', t.held_by, 'attempt', t.attempt, 'token', t.fencing_token, 'redrives', t.redrive_count,
           'agent', t.assignee_id, 'parent', t.parent_id, 'leased', t.lease_expires_at is not null, 'openStarts', t.open_start_count, 'openFinishes', t.open_finish_count,
           'children', jsonb_build_array(t.child_count, t.open_child_count, t.failed_child_count),
           'edges', coalesce((select jsonb_object_agg(d.dependency_id, d.type || case when d.resolved_at is null then ' open' else ' over' end) from tasks.task_dependency d where d.tenant_id = t.tenant_id and d.dependent_id = t.id), '{}'),
           'attempts', coalesce((select jsonb_agg(a.fencing_token || ': ' || a.number || '.' || a.redrive || ' ' || coalesce(a.outcome, 'under way') order by a.fencing_token) from tasks.attempt a where a.tenant_id = t.tenant_id and a.task_id = t.id), '[]'),
           'entries', coalesce(e.entries, '{}')) as state
    from tasks.task t
    left join (select n.subject_id, jsonb_object_agg(n.action, n.count) as entries
                 from (select subject_id, action, count(*) from audit.entry where tenant_id = '${tenantId}' and subject_type = 'task' group by 1, 2) n group by 1) e on e.subject_id = t.id::text
   where t.tenant_id = '${tenantId}'`;

const differences = (actual: object, expected: object): string =>
  Object.entries(expected).filter(([name, value]) => !isDeepStrictEqual((actual as Record<string, unknown>)[name], value)).map(([name, value]) => `${name} is ${JSON.stringify((actual as Record<string, unknown>)[name])}, by the model ${JSON.stringify(value)}`).join('; ');

/** The code of a refusal, or what was answered. */
async function settled<T>(answer: Promise<T>): Promise<[code: string | null, value: T | null]> {
  try {
    return [null, await answer];
  } catch (error) {
    if (error instanceof HiveError) return [error.code, null];
    throw error;
  }
}
