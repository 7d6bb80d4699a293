import { Injectable } from '@nestjs/common';
import type { Sql } from '@agent-hive/kernel';
import { admit, ensureKeys, lockKeys } from '../queue/admission.sql.js';
import { WakeupsService } from '../claim/wakeups.service.js';
import { DEPENDENCY_TYPES, ENDED, LEASED, type TaskStatus } from './lifecycle.js';
import { moveTasks, type Move } from './move.sql.js';
import { countChildren, lockDependents, lockOpenBelow, noteOutcomes, resolveEdges, type ChildCount, type EdgeRow } from './settlement.sql.js';
import type { TaskRow } from './task-view.dto.js';

/** The status is reached by doing the work, and not for want of it. */
const isSuccess = (status: TaskStatus): boolean => status === 'completed';
const hasEnded = (task: Pick<TaskRow, 'status'>): boolean => ENDED.includes(task.status);
/** An end that others wait for, or that of a group, whose children may be left. */
const concernsOthers = (task: TaskRow): boolean => hasEnded(task) && (task.is_linked || task.child_policy !== 'ignore');

/**
 * What follows from the end of a task for others, in the transaction of that end: dependents become ready or are given up,
 * groups end with their children, the next task of a concurrency key is let through, an assignment learns its outcome. What
 * ends thereby has consequences of its own, so it goes round by round until nothing follows any more.
 */
@Injectable()
export class SettlementService {
  constructor(private readonly wakeups: WakeupsService) {}

  /** Settles tasks that have just ended or given up their place. The rows are as they are now; those that nothing is linked to cost nothing. */
  async settle(db: Sql, tasks: readonly TaskRow[], now: Date): Promise<void> {
    const keys = new Set(keysOf(tasks));
    for (let ended = tasks.filter(concernsOthers); ended.length > 0; ) {
      await noteOutcomes(db, ended, now);
      const moved = [...(await this.releaseDependents(db, ended, now)), ...(await this.rollUp(db, ended, now)), ...(await this.cancelOthers(db, ended, now))];
      for (const key of keysOf(moved)) keys.add(key);
      ended = moved.filter(concernsOthers);
    }
    await this.admitNext(db, [...keys]);
  }

  /** The start of tasks resolves what waited for it. */
  async settleStarts(db: Sql, started: readonly { id: string }[], now: Date): Promise<void> {
    const edges = await lockDependents(db, started.map((task) => task.id), ['start_to_start', 'start_to_finish']);
    if (edges.length > 0) await this.settle(db, await this.resolve(db, edges, now), now);
  }

  /** Lets ready tasks of the keys through, as far as their limits allow; returns their ids. */
  async admitNext(db: Sql, keys: readonly string[]): Promise<string[]> {
    if (keys.length === 0) return [];
    await ensureKeys(db, keys, new Date());
    await lockKeys(db, keys);
    const admitted = await admit(db, keys);
    if (admitted.length > 0) this.wakeups.notify();
    return admitted;
  }

  /** Ends a locked task that has nothing to wait for any more, and settles that. */
  async settleWaiting(db: Sql, task: TaskRow, now: Date): Promise<void> {
    await this.settle(db, await this.endWaiting(db, [task], now), now);
  }

  /** Cancels locked tasks that have not ended; returns them as they are then. */
  async cancel(db: Sql, tasks: readonly TaskRow[], reason: string, now: Date): Promise<TaskRow[]> {
    const open = tasks.filter((task) => !hasEnded(task));
    if (open.length === 0) return [];
    const moves = open.map((task): Move => ({ task, action: 'task.cancelled', status: 'cancelled', reason, ...(LEASED.includes(task.status) && { outcome: 'cancelled' }) }));
    return moveTasks(db, moves, now);
  }

  /** Dependents of ended tasks as they are then: free, given up, or waiting for fewer. */
  private async releaseDependents(db: Sql, ended: readonly TaskRow[], now: Date): Promise<TaskRow[]> {
    const edges = await lockDependents(db, ended.map((task) => task.id), DEPENDENCY_TYPES);
    const statusOf = new Map(ended.map((task) => [task.id, task.status]));
    const succeeded = (id: string) => isSuccess(statusOf.get(id)!);
    const over = edges.filter((edge) => succeeded(edge.dependency_id) || edge.policy === 'run');
    const lost = edges.filter((edge) => !succeeded(edge.dependency_id) && edge.policy === 'cancel');
    const moved = over.length === 0 ? [] : await this.resolve(db, over, now);
    const current = new Map([...lost, ...moved].map((task) => [task.id, task] as const));
    const doomed = [...new Set(lost.map((edge) => edge.id))].map((id) => current.get(id)!);
    return [...moved, ...(await this.cancel(db, doomed, 'dependency_failed', now))];
  }

  /** Ends waits; a group that goes to its children may find that they have decided it already. */
  private async resolve(db: Sql, edges: readonly EdgeRow[], now: Date): Promise<TaskRow[]> {
    // An edge of a task that has ended may be resolved too, for its redrive: that is no end of now.
    const endedBefore = new Set(edges.filter(hasEnded).map((edge) => edge.id));
    const moved = (await resolveEdges(db, edges, now)).filter((task) => !endedBefore.has(task.id));
    if (moved.some((task) => task.status === 'ready')) this.wakeups.notify();
    const ended = new Map((await this.endWaiting(db, moved, now)).map((task) => [task.id, task]));
    return moved.map((task) => ended.get(task.id) ?? task);
  }

  /** Counts ended children of groups, and ends the groups that this decides. */
  private async rollUp(db: Sql, ended: readonly TaskRow[], now: Date): Promise<TaskRow[]> {
    const counts = new Map<string, ChildCount>();
    for (const { parent_id: parentId, status } of ended) {
      if (parentId === null) continue;
      const count = counts.get(parentId) ?? { parentId, added: 0, open: 0, failed: 0 };
      counts.set(parentId, { ...count, open: count.open - 1, failed: count.failed + (isSuccess(status) ? 0 : 1) });
    }
    if (counts.size === 0) return [];
    return this.endWaiting(db, await countChildren(db, [...counts.values()], now), now);
  }

  /** Ends those of locked tasks that waited and need not any more; returns them as they are then. */
  private async endWaiting(db: Sql, tasks: readonly TaskRow[], now: Date): Promise<TaskRow[]> {
    const moves = tasks.map((task) => endOf(task)).filter((move) => move !== null);
    return moves.length === 0 ? [] : moveTasks(db, moves, now);
  }

  /** One child was enough: nobody needs the others any more. */
  private async cancelOthers(db: Sql, ended: readonly TaskRow[], now: Date): Promise<TaskRow[]> {
    const satisfied = ended.filter((group) => group.child_policy === 'any' && isSuccess(group.status) && group.open_child_count > 0);
    if (satisfied.length === 0) return [];
    const others = await lockOpenBelow(db, satisfied.map((group) => group.id), 'open');
    return this.cancel(db, others, 'another_child_completed', now);
  }
}

const keysOf = (tasks: readonly TaskRow[]): string[] => [...new Set(tasks.map((task) => task.concurrency_key).filter((key) => key !== null))];

/** How a task that waits ends, or what it waits for next, if that is decided by now. */
function endOf(task: TaskRow): Move | null {
  if (task.status !== 'waiting') return null;
  const completed: Move = { task, action: 'task.completed', status: 'completed', reason: null };
  if (task.status_reason === 'dependencies') return task.open_finish_count === 0 ? completed : null;
  if (task.status_reason !== 'children' || task.child_count === 0) return null;
  const succeeded = task.child_count - task.open_child_count - task.failed_child_count;
  const isDone = task.open_child_count === 0 || (task.child_policy === 'any' && succeeded > 0);
  if (!isDone) return null;
  const success = task.child_policy === 'any' ? succeeded > 0 : task.failed_child_count === 0;
  if (!success) return { task, action: 'task.failed', status: 'failed', reason: 'children_failed' };
  return task.open_finish_count > 0 ? { task, action: 'task.waiting', status: 'waiting', reason: 'dependencies' } : completed;
}
