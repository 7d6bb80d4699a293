import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { NotFound, Refused, Stale, tenantRead, tenantSql, type Sql } from '@agent-hive/kernel';
import { keyHold } from '../attempt/work.service.js';
import { WakeupsService } from '../claim/wakeups.service.js';
import { WorkloadReporter } from '../workload/workload.service.js';
import { ENDED, LEASED, TASK_TRANSITIONS, type TaskStatus } from './lifecycle.js';
import { moveTasks } from './move.sql.js';
import { lockAgents } from './reference.sql.js';
import { SettlementService } from './settlement.service.js';
import { countChildren, lockGroupsAbove, lockOpenBelow } from './settlement.sql.js';
import type { CancelTaskDto, UpdateTaskDto } from './task.dto.js';
import { updateTask } from './task-update.sql.js';
import { TaskDto, TreeDto, type TaskRow } from './task-view.dto.js';
import { lockTask, selectTree, type Reserved, type TreeRow } from './task.sql.js';

/** Nodes of one tree that an answer holds at most. */
const TREE_MAX = 20_000;

/** What people and systems do to tasks from outside: change, cancel, redrive, look at the tree. */
@Injectable()
export class LifecycleService {
  constructor(
    private readonly em: EntityManager,
    private readonly settlement: SettlementService,
    private readonly wakeups: WakeupsService,
    private readonly workload: WorkloadReporter,
  ) {}

  /** Changes a task that is still at the version (any, when null). Throws NotFound, Stale, or Refused when it has ended or, for the assignee, is held. */
  async update(id: string, input: UpdateTaskDto, version: number | null): Promise<TaskDto> {
    return tenantSql(this.em, async (db) => {
      const task = await this.lock(db, id);
      if (version !== null && task.version !== version) throw new Stale('task', id);
      if (ENDED.includes(task.status)) throw new Refused(`task ${id} is ${task.status}: only one that has not ended can be changed`, 'task-ended', { taskStatus: task.status });
      if (input.assigneeId !== undefined && LEASED.includes(task.status)) throw new Refused(`task ${id} is ${task.status}: its assignee holds it until it gives it back`, 'task-held', { taskStatus: task.status });
      if (input.assigneeId != null && (await lockAgents(db, [input.assigneeId])).length === 0) throw new NotFound('agent', input.assigneeId);
      const row = await updateTask(db, task, input, new Date());
      this.wakeups.notify();
      return TaskDto.of(row);
    });
  }

  /** Cancels a task that has not ended and, when told to, all below it. Throws NotFound, or Refused (`illegal-transition`). */
  async cancel(id: string, { reason, tree = false }: CancelTaskDto): Promise<TaskDto> {
    return tenantSql(this.em, async (db) => {
      const now = new Date();
      const task = await this.lock(db, id);
      if (!TASK_TRANSITIONS[task.status].includes('cancelled')) refuseTransition(task, 'cancelled');
      const below = tree ? await lockOpenBelow(db, [id], 'all') : [];
      const cancelled = await this.settlement.cancel(db, [task, ...below], reason, now);
      for (const row of [task, ...below]) this.workload.touch(row.assignee_id);
      await this.settlement.settle(db, cancelled, now);
      return TaskDto.of((await lockTask(db, id))!);
    });
  }

  /**
   * Takes a dead or failed task up again with all of its attempts, whose history stays; a deadline that is over is dropped. The
   * groups that it had failed wait for it again. Throws NotFound, or Refused (`illegal-transition`).
   */
  async redrive(id: string): Promise<TaskDto> {
    return tenantSql(this.em, async (db) => {
      const now = new Date();
      const task = await this.lock(db, id);
      if (task.status !== 'failed' && task.status !== 'dead') refuseTransition(task, 'ready');
      const isGroup = task.child_policy !== 'ignore';
      const status: TaskStatus = task.open_start_count > 0 ? 'blocked' : isGroup ? 'waiting' : 'ready';
      const heldBy = status === 'ready' ? keyHold(task) : null;
      const droppedDeadline = task.deadline_at !== null && new Date(task.deadline_at) <= now ? task.deadline_at : null;
      const [row] = await moveTasks(db, [{ task, action: 'task.redriven', status, reason: status === 'waiting' ? 'children' : null, heldBy, attempt: 0, redriven: true, droppedDeadline }], now);
      await this.reopenGroups(db, row!, now);
      await (status === 'waiting' ? this.settlement.settleWaiting(db, row!, now) : this.settlement.settle(db, [row!], now));
      this.wakeups.notify();
      return TaskDto.of((await lockTask(db, id))!);
    });
  }

  /** A task and all below it, parents before children. Throws NotFound. */
  async getTree(id: string): Promise<TreeDto> {
    const rows = await tenantRead(this.em, (db) => selectTree(db, id, TREE_MAX + 1));
    if (rows.length === 0) throw new NotFound('task', id);
    return { items: rows.slice(0, TREE_MAX).map(nodeOf), isTruncated: rows.length > TREE_MAX };
  }

  /** A child that begins anew makes its group wait again, and that one's own. */
  private async reopenGroups(db: Sql, child: TaskRow, now: Date): Promise<void> {
    for (let at: TaskRow | undefined = child; at?.is_linked && at.parent_id !== null; ) {
      const [group] = await countChildren(db, [{ parentId: at.parent_id, added: 0, open: 1, failed: -1 }], now);
      if (group?.status !== 'failed') return;
      [at] = await moveTasks(db, [{ task: group, action: 'task.redriven', status: 'waiting', reason: 'children' }], now);
    }
  }

  /** Locks the groups above it first: whoever ends a task needs them later, and those who end a group lock what is below. */
  private async lock(db: Sql, id: string): Promise<TaskRow & Reserved> {
    await lockGroupsAbove(db, [id]);
    const task = await lockTask(db, id);
    if (!task) throw new NotFound('task', id);
    return task;
  }
}

/** The refusal of a change that the table does not permit. */
export function refuseTransition(task: Pick<TaskRow, 'id' | 'status'>, to: TaskStatus): never {
  const allowed = TASK_TRANSITIONS[task.status];
  throw new Refused(`task ${task.id} is ${task.status} and cannot become ${to}; it can become ${allowed.join(', ') || 'nothing else'}`, 'illegal-transition', { from: task.status, to, allowed });
}

const nodeOf = (row: TreeRow) => ({
  id: row.id,
  parentId: row.parent_id,
  depth: row.depth,
  title: row.title,
  status: row.status,
  progress: row.progress,
  assigneeId: row.assignee_id,
  childCount: row.child_count,
});
