import { Injectable } from '@nestjs/common';
import type { Sql } from '@agent-hive/kernel';
import { admit, ensureKeys, lockKeys } from '../queue/admission.sql.js';
import { WakeupsService } from '../claim/wakeups.service.js';
import { DEPENDENCY_TYPES, ENDED, LEASED, type TaskStatus } from './lifecycle.js';
import { moveTasks, type Move } from './move.sql.js';
import { countChildren, lockDependents, lockOpenBelow, noteOutcomes, resolveEdges, type ChildCount } from './settlement.sql.js';
import type { TaskRow } from './task-view.dto.js';

/** The status is reached by doing the work, and not for want of it. */
const isSuccess = (status: TaskStatus): boolean => status === 'completed';
const hasEnded = (task: Pick<TaskRow, 'status'>): boolean => ENDED.includes(task.status);
const isGroup = (task: TaskRow): boolean => task.child_policy !== 'ignore';

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
    const keys = new Set(tasks.map((task) => task.concurrency_key).filter((key) => key !== null));
    for (let ended = tasks.filter((task) => task.is_linked && hasEnded(task)); ended.length > 0; ) {
      for (const { concurrency_key: key } of ended) if (key !== null) keys.add(key);
      await noteOutcomes(db, ended, now);
      const next = [...(await this.releaseDependents(db, ended, now)), ...(await this.rollUp(db, ended, now))];
      ended = next.filter((task) => task.is_linked && hasEnded(task));
    }
    await this.admitNext(db, [...keys]);
  }

  /** The start of tasks resolves what waited for it. */
  async settleStarts(db: Sql, started: readonly { id: string }[], now: Date): Promise<void> {
    const edges = await lockDependents(db, started.map((task) => task.id), ['start_to_start', 'start_to_finish']);
    if (edges.length === 0) return;
    const moved = await resolveEdges(db, edges, now);
    this.wakeups.notify();
    await this.admitNext(db, keysOf(moved));
    await this.settle(db, moved.filter(hasEnded), now);
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

  /** Ends a locked group whose children have decided it already, and settles that. */
  async settleGroup(db: Sql, group: TaskRow, now: Date): Promise<void> {
    await this.settle(db, await this.endGroups(db, [group], now), now);
  }

  /** Cancels locked tasks that have not ended; returns them as they are then. */
  async cancel(db: Sql, tasks: readonly TaskRow[], reason: string, now: Date): Promise<TaskRow[]> {
    const open = tasks.filter((task) => !hasEnded(task));
    if (open.length === 0) return [];
    const moves = open.map((task): Move => ({ task, action: 'task.cancelled', status: 'cancelled', reason, ...(LEASED.includes(task.status) && { outcome: 'cancelled' }) }));
    return moveTasks(db, moves, now);
  }

  private async releaseDependents(db: Sql, ended: readonly TaskRow[], now: Date): Promise<TaskRow[]> {
    const edges = await lockDependents(db, ended.map((task) => task.id), DEPENDENCY_TYPES);
    const statusOf = new Map(ended.map((task) => [task.id, task.status]));
    const succeeded = (id: string) => isSuccess(statusOf.get(id)!);
    const over = edges.filter((edge) => succeeded(edge.dependency_id) || edge.policy === 'run');
    const lost = edges.filter((edge) => !succeeded(edge.dependency_id) && edge.policy === 'cancel');
    const moved = over.length === 0 ? [] : await resolveEdges(db, over, now);
    if (moved.some((task) => task.status === 'ready')) this.wakeups.notify();
    const keys = keysOf(moved);
    await this.admitNext(db, keys);
    const current = new Map([...lost, ...moved].map((task) => [task.id, task] as const));
    const doomed = [...new Set(lost.map((edge) => edge.id))].map((id) => current.get(id)!);
    const cancelled = await this.cancel(db, doomed, 'dependency_failed', now);
    const groups = moved.filter((task) => task.status === 'waiting' && isGroup(task) && !cancelled.some((c) => c.id === task.id));
    return [...moved.filter(hasEnded), ...cancelled, ...(await this.endGroups(db, groups, now))];
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
    return this.endGroups(db, await countChildren(db, [...counts.values()], now), now);
  }

  private async endGroups(db: Sql, groups: readonly TaskRow[], now: Date): Promise<TaskRow[]> {
    const moves = groups.map((group) => endOf(group)).filter((move) => move !== null);
    if (moves.length === 0) return [];
    const moved = await moveTasks(db, moves, now);
    // One child was enough: nobody needs the others any more.
    const satisfied = moved.filter((group) => group.child_policy === 'any' && isSuccess(group.status) && group.open_child_count > 0);
    if (satisfied.length === 0) return moved;
    const others = await lockOpenBelow(db, satisfied.map((group) => group.id), true);
    return [...moved, ...(await this.cancel(db, others, 'another_child_completed', now))];
  }
}

const keysOf = (tasks: readonly TaskRow[]): string[] => [...new Set(tasks.filter((task) => task.held_by === 'concurrency_key').map((task) => task.concurrency_key!))];

/** How a group that waits for its children ends, if they decide it by now. */
function endOf(group: TaskRow): Move | null {
  if (group.status !== 'waiting' || group.status_reason !== 'children' || group.child_count === 0) return null;
  const succeeded = group.child_count - group.open_child_count - group.failed_child_count;
  const isDone = group.child_policy === 'any' ? succeeded > 0 || group.open_child_count === 0 : group.open_child_count === 0;
  if (!isDone) return null;
  const success = group.child_policy === 'any' ? succeeded > 0 : group.failed_child_count === 0;
  if (!success) return { task: group, action: 'task.failed', status: 'failed', reason: 'children_failed' };
  if (group.open_finish_count > 0) return { task: group, action: 'task.waiting', status: 'waiting', reason: 'dependencies' };
  return { task: group, action: 'task.completed', status: 'completed', reason: null };
}
