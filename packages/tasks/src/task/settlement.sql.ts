import { insertEntryPerRow } from '@agent-hive/audit';
import { atMost, currentTenantId, isAmong, newId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { DependencyFailurePolicy, DependencyType } from './lifecycle.js';
import { TASK_COLUMNS } from './task.sql.js';
import type { TaskRow } from './task-view.dto.js';

/** An unresolved edge with the task that waits. */
export type EdgeRow = TaskRow & { dependency_id: string; dependency_type: DependencyType; policy: DependencyFailurePolicy };

/** What waits for tasks, locked by id: edges of all types, or those that a start resolves. By task_dependency_dependents_index. */
export async function lockDependents(db: Sql, dependencyIds: readonly string[], types: readonly DependencyType[]): Promise<EdgeRow[]> {
  const tenantId = currentTenantId();
  const found = await sql<EdgeRow>`
    select ${TASK_COLUMNS}, d.dependency_id, d.type as dependency_type, t.on_dependency_failure as policy
      from tasks.task_dependency d join tasks.task t on t.tenant_id = d.tenant_id and t.id = d.dependent_id
     where d.tenant_id = ${tenantId} and d.dependency_id = any (${dependencyIds}::uuid[]) and d.resolved_at is null and d.type = any (${types}::text[])
     order by t.id for no key update of t`.execute(db);
  return found.rows;
}

/**
 * Ends the wait of dependents. One whose last wait for a start is over becomes ready, a group goes to its children; one
 * that only waited to end is completed. Edges and tasks are found by primary key, and both are locked by the caller.
 */
export async function resolveEdges(db: Sql, edges: readonly EdgeRow[], now: Date): Promise<TaskRow[]> {
  const tenantId = currentTenantId();
  const waits = JSON.stringify(edges.map((edge) => ({ dependent: edge.id, dependency: edge.dependency_id })));
  const dependents = JSON.stringify([...new Map(edges.map((edge) => [edge.id, { id: edge.id, was: edge.status, entry_id: newId() }])).values()]);
  const entry = insertEntryPerRow(
    {
      subjectType: 'task', action: sql`'task.' || case m.status when 'waiting' then 'started' else m.status end`, id: sql`d.entry_id`, subjectId: sql`m.id::text`, agentId: sql`m.assignee_id`,
      risk: sql`m.risk`, occurredAt: now, previousState: sql`jsonb_build_object('status', d.was)`, newState: sql`jsonb_build_object('status', m.status)`,
    },
    sql`moved m join dependent d on d.id = m.id and d.was <> m.status`,
  );
  const moved = await sql<TaskRow>`
    with dependent as materialized (
      select * from json_to_recordset(${dependents}::json) as d(id uuid, was text, entry_id uuid) ${atMost(edges.length)}
    ), resolved as (
      update tasks.task_dependency d set resolved_at = ${now}
        from (select * from json_to_recordset(${waits}::json) as w(dependent uuid, dependency uuid) ${atMost(edges.length)}) w
       where d.tenant_id = ${tenantId} and d.dependent_id = w.dependent and d.dependency_id = w.dependency and d.resolved_at is null
      returning d.dependent_id, d.type
    ), over as (
      select dependent_id, (count(*) filter (where type in ('finish_to_start', 'start_to_start')))::int as starts,
             (count(*) filter (where type in ('finish_to_finish', 'start_to_finish')))::int as finishes from resolved group by 1
    ), moved as (
      update tasks.task t
         set open_start_count = t.open_start_count - o.starts, open_finish_count = t.open_finish_count - o.finishes, updated_at = ${now}, version = t.version + 1,
             status = case when t.status = 'blocked' and t.open_start_count = o.starts then case when t.child_policy = 'ignore' then 'ready' else 'waiting' end
                           when t.status = 'waiting' and t.status_reason = 'dependencies' and t.open_finish_count = o.finishes then 'completed' else t.status end,
             status_reason = case when t.status = 'blocked' and t.open_start_count = o.starts then case when t.child_policy = 'ignore' then null else 'children' end
                                  when t.status = 'waiting' and t.status_reason = 'dependencies' and t.open_finish_count = o.finishes then null else t.status_reason end,
             held_by = case when t.status = 'blocked' and t.open_start_count = o.starts and t.child_policy = 'ignore'
                            then case when t.run_at > ${now} then 'run_at' when t.concurrency_key is not null then 'concurrency_key' end else t.held_by end,
             completed_at = case when t.status = 'waiting' and t.status_reason = 'dependencies' and t.open_finish_count = o.finishes then ${now}::timestamptz else t.completed_at end
        from over o where t.tenant_id = ${tenantId} and t.id = o.dependent_id
      returning ${TASK_COLUMNS}
    ), entry as (${entry})
    select * from moved`.execute(db);
  return moved.rows;
}

/** How the counts of a group change. */
export interface ChildCount {
  parentId: string;
  /** Children that are new; ones that ended, or began anew, are negative or positive in `open`. */
  added: number;
  open: number;
  failed: number;
}

/**
 * Counts children of groups, by primary key in the order of ids; the progress of a group is the share of them that has
 * ended. Parents that ignore their children are left out. A group of all that only waited for others to end waits for a
 * child that is new.
 */
export async function countChildren(db: Sql, counts: readonly ChildCount[], now: Date): Promise<TaskRow[]> {
  const tenantId = currentTenantId();
  const counted = await sql<TaskRow>`
    with c as materialized (
      select c.* from (select * from json_to_recordset(${JSON.stringify(counts)}::json) as c("parentId" uuid, added int, open int, failed int) ${atMost(counts.length)}) c
        join tasks.task t on t.tenant_id = ${tenantId} and t.id = c."parentId" and t.child_policy <> 'ignore' order by t.id for no key update of t
    )
    update tasks.task t
       set child_count = t.child_count + c.added, open_child_count = t.open_child_count + c.open, failed_child_count = t.failed_child_count + c.failed,
           progress = 100 * (t.child_count + c.added - t.open_child_count - c.open) / (t.child_count + c.added),
           status_reason = case when t.status_reason = 'dependencies' and t.child_policy = 'all' and c.open > 0 then 'children' else t.status_reason end,
           updated_at = ${now}, version = t.version + 1
      from c where t.tenant_id = ${tenantId} and t.id = c."parentId"
    returning ${TASK_COLUMNS}`.execute(db);
  return counted.rows;
}

/** Tasks that have not ended below all children of others, or below their open ones; by task_parent_index, locked by id. */
export async function lockOpenBelow(db: Sql, parentIds: readonly string[], among: 'all' | 'open'): Promise<TaskRow[]> {
  const tenantId = currentTenantId();
  const found = await sql<TaskRow>`
    with recursive below as (
      select t.id from tasks.task t
       where t.tenant_id = ${tenantId} and t.parent_id = any (${parentIds}::uuid[]) and (${among === 'all'} or t.status not in ('completed', 'failed', 'cancelled', 'dead'))
      union all
      select t.id from below b cross join lateral (select t.id from tasks.task t where t.tenant_id = ${tenantId} and t.parent_id = b.id offset 0) t
    )
    select ${TASK_COLUMNS} from tasks.task t
     where t.tenant_id = ${tenantId} and ${isAmong(sql`t.id`, sql`array(select id from below)`)} and t.status not in ('completed', 'failed', 'cancelled', 'dead') order by t.id for no key update of t`.execute(db);
  return found.rows;
}

/**
 * Locks the groups that tasks are in, the outermost first, before the tasks themselves: the end of a child moves its group,
 * and the end of a group its children, so all must lock in one order, from the root down. By primary keys.
 */
export async function lockGroupsAbove(db: Sql, taskIds: readonly string[]): Promise<void> {
  const tenantId = currentTenantId();
  await sql`
    with recursive above as (
      select t.parent_id as id, 1 as height from tasks.task t where t.tenant_id = ${tenantId} and t.id = any (${taskIds}::uuid[]) and t.parent_id is not null
      union all
      select t.parent_id, a.height + 1
        from above a cross join lateral (select t.parent_id from tasks.task t where t.tenant_id = ${tenantId} and t.id = a.id and t.parent_id is not null and t.child_policy <> 'ignore' offset 0) t
    )
    select from (select id, max(height) as height from above group by id) a join tasks.task t on t.tenant_id = ${tenantId} and ${isAmong(sql`t.id`, sql`array(select id from above)`)} and t.id = a.id
     where t.child_policy <> 'ignore' order by a.height desc, t.id for no key update of t`.execute(db);
}

/**
 * Notes on the last assignment of tasks how they ended, unless they went to another agent since. Earlier ones, and those that
 * found nobody, stay without an outcome. The last is found by assignment_task_index, and written by assignment_pkey.
 */
export async function noteOutcomes(db: Sql, tasks: readonly Pick<TaskRow, 'id' | 'status' | 'assignee_id'>[], now: Date): Promise<void> {
  const tenantId = currentTenantId();
  const ends = tasks.filter((task) => task.assignee_id !== null).map(({ id, status, assignee_id }) => ({ id, status, agent_id: assignee_id }));
  if (ends.length === 0) return;
  await sql`
    update tasks.assignment a set outcome = l.status, outcome_at = ${now}
      from (select e.status, l.id
              from (select * from json_to_recordset(${JSON.stringify(ends)}::json) as e(id uuid, status text, agent_id uuid) ${atMost(ends.length)}) e
             cross join lateral (
               select l.id, l.agent_id from tasks.assignment l where l.tenant_id = ${tenantId} and l.task_id = e.id and l.agent_id is not null order by l.id desc limit 1) l
             where l.agent_id = e.agent_id) l
     where a.tenant_id = ${tenantId} and a.id = l.id`.execute(db);
}
