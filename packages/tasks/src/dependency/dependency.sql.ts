import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { DependencyType, Hold, TaskStatus } from '../task/lifecycle.js';
import type { TaskRow } from '../task/task-view.dto.js';
import type { DependencyRow } from './dependency.dto.js';

/** What a task waits for, by primary key, or what waits for it, by task_dependency_dependents_index; the oldest of the others first. */
export async function selectDependencies(db: Sql, taskId: string, direction: 'dependencies' | 'dependents', limit: number): Promise<DependencyRow[]> {
  const [self, other] = direction === 'dependencies' ? [sql`d.dependent_id`, sql`d.dependency_id`] : [sql`d.dependency_id`, sql`d.dependent_id`];
  const found = await sql<DependencyRow>`
    select d.dependent_id, d.dependency_id, d.type, d.created_at, d.resolved_at, t.title, t.status
      from tasks.task_dependency d join tasks.task t on t.tenant_id = d.tenant_id and t.id = ${other}
     where d.tenant_id = ${currentTenantId()} and ${self} = ${taskId} order by ${other} limit ${limit}`.execute(db);
  return found.rows;
}

/** One edge by primary key; undefined when there is none. */
export async function selectDependency(db: Sql, dependentId: string, dependencyId: string): Promise<DependencyRow | undefined> {
  const found = await sql<DependencyRow>`
    select d.dependent_id, d.dependency_id, d.type, d.created_at, d.resolved_at, t.title, t.status
      from tasks.task_dependency d join tasks.task t on t.tenant_id = d.tenant_id and t.id = d.dependency_id
     where d.tenant_id = ${currentTenantId()} and d.dependent_id = ${dependentId} and d.dependency_id = ${dependencyId}`.execute(db);
  return found.rows[0];
}

/** What becomes of a locked task by an edge that comes or goes. */
export interface Rewiring {
  dependent: Pick<TaskRow, 'id' | 'status'>;
  dependencyId: string;
  type: DependencyType;
  starts: number;
  finishes: number;
  status: TaskStatus;
  reason: string | null;
  heldBy: Hold | null;
}

/** Adds an edge and counts it on its dependent, with the entry. Both tasks are locked. */
export async function insertDependency(db: Sql, change: Rewiring, resolvedAt: Date | null, now: Date): Promise<void> {
  await sql`
    with edge as (
      insert into tasks.task_dependency (tenant_id, dependent_id, dependency_id, type, created_at, resolved_at)
      values (${currentTenantId()}, ${change.dependent.id}, ${change.dependencyId}, ${change.type}, ${now}, ${resolvedAt})
    ), ${counted(change, now)}
    ${entryOf('task.dependency_added', change)}`.execute(db);
}

/** Takes an edge away. Both tasks are locked. */
export async function deleteDependency(db: Sql, change: Rewiring, now: Date): Promise<void> {
  await sql`
    with edge as (
      delete from tasks.task_dependency d where d.tenant_id = ${currentTenantId()} and d.dependent_id = ${change.dependent.id} and d.dependency_id = ${change.dependencyId}
    ), ${counted(change, now)}
    ${entryOf('task.dependency_removed', change)}`.execute(db);
}

const counted = (change: Rewiring, now: Date) => sql`changed as (
      update tasks.task t
         set open_start_count = t.open_start_count + ${change.starts}, open_finish_count = t.open_finish_count + ${change.finishes}, status = ${change.status}, status_reason = ${change.reason}, held_by = ${change.heldBy},
             updated_at = ${now}, version = t.version + 1
       where t.tenant_id = ${currentTenantId()} and t.id = ${change.dependent.id}
      returning t.id
    )`;

const entryOf = (action: string, { dependent, dependencyId, type, status }: Rewiring) =>
  insertEntry({ action, subjectType: 'task', subjectId: dependent.id, previousState: { status: dependent.status }, newState: { status }, details: { dependencyId, type } }, 'changed');
