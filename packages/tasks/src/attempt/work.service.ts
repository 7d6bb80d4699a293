import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { entryFacts } from '@agent-hive/audit';
import { Coalescer, currentTenantId, Forbidden, newId, NotFound, Refused, runAs, runningTransaction, servicePrincipal, tenantSql, tenantStatement, type HiveError } from '@agent-hive/kernel';

import { WakeupsService } from '../claim/wakeups.service.js';
import type { Hold } from '../task/lifecycle.js';
import { moveTasks, type Move } from '../task/move.sql.js';
import { SettlementService } from '../task/settlement.service.js';
import { lockGroupsAbove } from '../task/settlement.sql.js';
import { selectTask } from '../task/task.sql.js';
import { TaskDto, type TaskRow } from '../task/task-view.dto.js';
import { WorkloadReporter } from '../workload/workload.service.js';
import type { BeatDto, CompleteDto, CompletionDto, CompletionOutcomesDto, FailDto, FencedDto } from './attempt.dto.js';
import { pauseMs } from './backoff.js';
import { beat, completeTasks, lockHeld, type HeldRow, type Write } from './work.sql.js';

type Answer = { row: HeldRow } | { error: unknown };

/**
 * What workers write about the tasks that they hold. Every write carries the fencing token of its claim and changes nothing
 * when the lease is another's by now, or nobody's.
 */
@Injectable()
export class WorkService {
  private readonly completions = new Coalescer<Write, Answer>((writes) => this.completeTogether(writes), { max: 100, concurrency: 2 });

  constructor(
    private readonly em: EntityManager,
    private readonly settlement: SettlementService,
    private readonly wakeups: WakeupsService,
    private readonly workload: WorkloadReporter,
  ) {}

  /** Takes a sign of life and extends the lease. Throws NotFound, Forbidden, or Refused (`lease-lost`). */
  async heartbeat(taskId: string, input: BeatDto): Promise<TaskDto> {
    const row = await tenantStatement(this.em, (db) => beat(db, [{ ...writeOf(taskId, input), leaseSeconds: input.leaseSeconds, progress: input.progress }], new Date()).then(([only]) => only));
    return TaskDto.of(held(taskId, row));
  }

  /** Completes a task with its result, and settles what follows. Throws NotFound, Forbidden, or Refused (`lease-lost`). */
  async complete(taskId: string, input: CompleteDto): Promise<TaskDto> {
    const write: Write = { ...writeOf(taskId, input), result: input.result, ...input.usage };
    const answer = runningTransaction(this.em) ? await this.completeTogether([write]).then(([only]) => only!) : await this.completions.run(currentTenantId(), write);
    if ('error' in answer) throw answer.error;
    return TaskDto.of(answer.row);
  }

  /** Completes several tasks in one transaction; those that cannot be are told and do not keep the others from it. */
  async completeMany(items: readonly CompletionDto[]): Promise<CompletionOutcomesDto> {
    const answers = await this.completeTogether(items.map((item) => ({ ...writeOf(item.taskId, item), result: item.result, ...item.usage })));
    return {
      items: answers.map((answer, i) => {
        const { taskId } = items[i]!;
        if ('row' in answer) return { taskId, outcome: 'completed', task: TaskDto.of(answer.row) };
        return { taskId, outcome: (answer.error as HiveError).code, task: null };
      }),
    };
  }

  /** Ends an attempt as failed: the task is tried again after a pause, ends as failed when the worker says so, or is dead when its attempts are used up. */
  async fail(taskId: string, input: FailDto): Promise<TaskDto> {
    const { retryable, ...error } = input.error;
    return this.end(taskId, input, (task, now): Move => {
      const common = { task, outcome: 'failed' as const, error, usage: input.usage };
      if (retryable === false) return { ...common, action: 'task.failed', status: 'failed', reason: 'not_retryable' };
      if (task.attempt >= task.max_attempts) return { ...common, action: 'task.dead', status: 'dead', reason: 'attempts_exhausted' };
      const pause = pauseMs(task, task.attempt, Math.random());
      return { ...common, action: 'task.retried', status: 'ready', reason: null, ...(pause > 0 ? { heldBy: 'run_at' as const, runAt: new Date(now.getTime() + pause) } : { heldBy: keyHold(task) }) };
    });
  }

  /** Gives a task back for another to claim; the attempt does not count. */
  async release(taskId: string, input: FencedDto): Promise<TaskDto> {
    return this.end(taskId, input, (task) => ({ task, outcome: 'released', action: 'task.released', status: 'ready', reason: null, heldBy: keyHold(task), attempt: task.attempt - 1 }));
  }

  private async end(taskId: string, input: FencedDto, moveOf: (task: HeldRow, now: Date) => Move): Promise<TaskDto> {
    const moved = await tenantSql(this.em, async (db) => {
      await lockGroupsAbove(db, [taskId]);
      const now = new Date();
      const task = held(taskId, (await lockHeld(db, [writeOf(taskId, input)], now))[0]);
      const [row] = await moveTasks(db, [moveOf(task, now)], now);
      await this.settlement.settle(db, [row!], now);
      this.workload.touch(task.assignee_id);
      // It may have got its key's turn by now.
      return row!.concurrency_key === null ? row! : (await selectTask(db, taskId))!;
    });
    this.wakeups.notify();
    return TaskDto.of(moved);
  }

  private async completeTogether(writes: readonly Write[]): Promise<Answer[]> {
    const numbered = writes.map((write, n) => ({ ...write, n }));
    // The record names each caller by the facts of its own request; the transactions are the tenant's.
    const rows = runningTransaction(this.em) ? await this.completeRows(numbered) : await runAs(this.em, servicePrincipal(currentTenantId(), 'tasks'), () => this.completeRows(numbered));
    const byNumber = new Map(rows.map((row) => [row.n, row]));
    return numbered.map(({ n, taskId }) => {
      try {
        return { row: held(taskId, byNumber.get(n)) };
      } catch (error) {
        return { error };
      }
    });
  }

  /** Most tasks are nobody's concern: one statement, with its commit. Those that something waits for take a transaction with what follows. */
  private async completeRows(writes: readonly Write[]): Promise<HeldRow[]> {
    const rows = await tenantStatement(this.em, (db) => completeTasks(db, writes, new Date(), false));
    const linked = new Set(rows.filter((row) => row.verdict === 'linked').map((row) => row.n));
    const all = linked.size === 0 ? rows : [...rows.filter((row) => !linked.has(row.n)), ...(await this.completeLinked(writes.filter(({ n }) => linked.has(n))))];
    for (const row of all) if (row.verdict === 'held') this.workload.touch(row.assignee_id);
    return all;
  }

  private completeLinked(writes: readonly Write[]): Promise<HeldRow[]> {
    return tenantSql(this.em, async (db) => {
      await lockGroupsAbove(db, writes.map((write) => write.taskId));
      const now = new Date();
      const rows = await completeTasks(db, writes, now, true);
      await this.settlement.settle(db, rows.filter((row) => row.verdict === 'held'), now);
      return rows;
    });
  }
}

/** A worker's write, in the name of the caller. */
export const writeOf = (taskId: string, { fencingToken }: FencedDto): Write => ({ n: 0, taskId, fencingToken, entryId: newId(), ...entryFacts() });

/** A task that goes back to where it can be claimed waits for its key's turn, if it has one. */
export const keyHold = (task: Pick<TaskRow, 'concurrency_key'>): Hold | null => (task.concurrency_key === null ? null : 'concurrency_key');

/** The row, when it is the writer's. Throws NotFound, Forbidden, or Refused when the lease is lost. */
export function held(taskId: string, row: HeldRow | undefined): HeldRow {
  if (!row) throw new NotFound('task', taskId);
  if (row.verdict === 'not-yours') throw new Forbidden(`task ${taskId} is held by another agent`, 'not-yours');
  if (row.verdict === 'lease-lost') throw new Refused(`The lease on task ${taskId} under this token is over: the task is ${row.status}, and nothing was changed`, 'lease-lost', { taskStatus: row.status });
  return row;
}
