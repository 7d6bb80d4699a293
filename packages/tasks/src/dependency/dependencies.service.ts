import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { Invalid, NotFound, Refused, tenantRead, tenantSql, type Sql } from '@agent-hive/kernel';
import { WakeupsService } from '../claim/wakeups.service.js';
import { isResolvedByStart, keepsFromStart } from '../task/batch.js';
import { isOver } from '../task/creation.service.js';
import { ENDED, TASK_TRANSITIONS, type DependencyType, type Hold, type TaskStatus } from '../task/lifecycle.js';
import { linkTasks, lockTasks } from '../task/reference.sql.js';
import { SettlementService } from '../task/settlement.service.js';
import { refuseTransition } from '../task/lifecycle.service.js';
import { selectTask } from '../task/task.sql.js';
import type { TaskRow } from '../task/task-view.dto.js';
import { DependenciesDto, DependencyDto } from './dependency.dto.js';
import { deleteDependency, insertDependency, selectDependencies, selectDependency } from './dependency.sql.js';
import { refuseCycle } from './graph.js';
import { lockGraph, selectPath } from './graph.sql.js';

/** Edges of one task that an answer shows at most, in each direction. */
const SHOWN_MAX = 1000;

/** Edges between tasks that exist. Those of new tasks come with them. */
@Injectable()
export class DependenciesService {
  constructor(
    private readonly em: EntityManager,
    private readonly settlement: SettlementService,
    private readonly wakeups: WakeupsService,
  ) {}

  /** What a task waits for, and what waits for it; at most 1,000 of each. Throws NotFound. */
  async list(taskId: string): Promise<DependenciesDto> {
    return tenantRead(this.em, async (db) => {
      if (!(await selectTask(db, taskId))) throw new NotFound('task', taskId);
      const [items, dependents] = [await selectDependencies(db, taskId, 'dependencies', SHOWN_MAX), await selectDependencies(db, taskId, 'dependents', SHOWN_MAX)];
      return { items: items.map((row) => DependencyDto.of(row)), dependents: dependents.map((row) => DependencyDto.of(row)) };
    });
  }

  /**
   * Makes a task wait for another; the same edge again changes nothing. Throws NotFound, Invalid for a task itself, Refused
   * when a cycle would close (`dependency-cycle`, with its path), the edge has another type, or the task is too far for it.
   */
  async upsert(dependentId: string, dependencyId: string, given?: DependencyType | null): Promise<DependencyDto> {
    const type = given ?? 'finish_to_start';
    if (dependentId === dependencyId) throw new Invalid('A task cannot depend on itself', [{ pointer: '/otherId', message: 'must be another task' }], 'self-dependency');
    return tenantSql(this.em, async (db) => {
      // In the order in which a creation locks them.
      const [dependent, dependency] = await this.lockBoth(db, dependentId, dependencyId);
      await lockGraph(db);
      const found = await selectDependency(db, dependentId, dependencyId);
      if (found && found.type !== type) throw new Refused(`task ${dependentId} depends on ${dependencyId} as ${found.type}: take that away first`, 'conflict', { dependencyType: found.type });
      if (!found) await this.insert(db, dependent, dependency, type);
      return DependencyDto.of((await selectDependency(db, dependentId, dependencyId))!);
    });
  }

  /** Takes an edge away; a task that waited for nothing else becomes ready. Throws NotFound. */
  async delete(dependentId: string, dependencyId: string): Promise<void> {
    await tenantSql(this.em, async (db) => {
      const [dependent] = await this.lockBoth(db, dependentId, dependencyId);
      const found = await selectDependency(db, dependentId, dependencyId);
      if (!found) throw new NotFound('dependency', `${dependentId}/${dependencyId}`);
      const wait = found.resolved_at === null ? -1 : 0;
      const starts = keepsFromStart(found.type) ? wait : 0;
      const isFree = dependent.status === 'blocked' && dependent.open_start_count + starts === 0;
      const now = new Date();
      const next = isFree ? free(dependent, now) : { status: dependent.status, reason: dependent.status_reason, heldBy: dependent.held_by };
      await deleteDependency(db, { dependent, dependencyId, type: found.type, starts, finishes: wait - starts, ...next }, now);
      if (next.heldBy === 'concurrency_key') await this.settlement.admitNext(db, [dependent.concurrency_key!]);
      if (next.status === 'waiting') await this.settlement.settleWaiting(db, (await selectTask(db, dependentId))!, now);
      if (isFree) this.wakeups.notify();
    });
  }

  private async insert(db: Sql, dependent: TaskRow, dependency: TaskRow, type: DependencyType): Promise<void> {
    const now = new Date();
    const path = await selectPath(db, dependency.id, dependent.id);
    if (path) throw refuseCycle([dependent.id, ...path]);
    const resolvedAt = isOver(dependency, { type }, dependent.on_dependency_failure) ? now : null;
    const starts = resolvedAt === null && keepsFromStart(type) ? 1 : 0;
    if (ENDED.includes(dependent.status) || (starts > 0 && dependent.status !== 'blocked' && !TASK_TRANSITIONS[dependent.status].includes('blocked'))) refuseTransition(dependent, 'blocked');
    const finishes = resolvedAt === null && !keepsFromStart(type) ? 1 : 0;
    const isBlocked = starts > 0 || dependent.status === 'blocked';
    await linkTasks(db, [dependency], new Set(isResolvedByStart(type) ? [dependency.id] : []));
    await insertDependency(db, { dependent, dependencyId: dependency.id, type, starts, finishes, ...(isBlocked ? { status: 'blocked' as const, reason: null, heldBy: null } : { status: dependent.status, reason: dependent.status_reason, heldBy: dependent.held_by }) }, resolvedAt, now);
    // A place that it had under its key goes to the next one.
    if (starts > 0 && dependent.concurrency_key !== null) await this.settlement.admitNext(db, [dependent.concurrency_key]);
  }

  private async lockBoth(db: Sql, dependentId: string, dependencyId: string): Promise<[TaskRow, TaskRow]> {
    const rows = await lockTasks(db, [dependentId, dependencyId]);
    const of = (id: string) => rows.find((row) => row.id === id);
    const [dependent, dependency] = [of(dependentId), of(dependencyId)];
    if (!dependent) throw new NotFound('task', dependentId);
    if (!dependency) throw new NotFound('task', dependencyId);
    return [dependent, dependency];
  }
}

/** What a task becomes that waits for nothing any more. */
function free(task: TaskRow, now: Date): { status: TaskStatus; reason: string | null; heldBy: Hold | null } {
  if (task.child_policy !== 'ignore') return { status: 'waiting', reason: 'children', heldBy: null };
  if (task.run_at !== null && new Date(task.run_at) > now) return { status: 'ready', reason: null, heldBy: 'run_at' };
  return { status: 'ready', reason: null, heldBy: task.concurrency_key === null ? null : 'concurrency_key' };
}
