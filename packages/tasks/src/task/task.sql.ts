import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { TASK_STATUSES } from './lifecycle.js';
import type { TaskQuery, TaskRow } from './task-view.dto.js';

/** Columns of a TaskRow, from `tasks.task t`. */
export const TASK_COLUMNS = sql`t.id, t.title, t.description, t.type, t.action_class, t.risk, t.status, t.status_reason, t.input, t.result, t.error, t.task_metadata,
  t.priority, t.queue, t.required_capabilities, t.held_by, t.assignee_id, t.parent_id, t.project_id, t.process_run_id, t.interaction_id, t.concurrency_key, t.external_id, t.run_at,
  t.deadline_at, t.attempt, t.max_attempts, t.redrive_count, t.backoff_kind, t.backoff_seconds, t.backoff_max_seconds, t.fencing_token, t.attempt_id,
  t.lease_expires_at, t.progress, t.predicted_duration, t.ai_complexity_score, t.ai_optimization_applied, t.child_policy, t.child_count, t.open_child_count,
  t.failed_child_count, t.on_dependency_failure, t.open_start_count, t.open_finish_count, t.is_linked, t.is_start_linked, t.started_at, t.completed_at,
  t.created_at, t.updated_at, t.version`;

/** One task by primary key. */
export async function selectTask(db: Sql, id: string): Promise<TaskRow | undefined> {
  const found = await sql<TaskRow>`select ${TASK_COLUMNS} from tasks.task t where t.tenant_id = ${currentTenantId()} and t.id = ${id}`.execute(db);
  return found.rows[0];
}

/** Tasks by primary key, in no order. */
export async function selectTasksByIds(db: Sql, ids: readonly string[]): Promise<TaskRow[]> {
  const found = await sql<TaskRow>`select ${TASK_COLUMNS} from tasks.task t where t.tenant_id = ${currentTenantId()} and t.id = any (${ids}::uuid[])`.execute(db);
  return found.rows;
}

/** Whom a task is for: ANYONE, or an agent. */
export interface Reserved {
  reserved_for: string;
}

/**
 * Holds a task for the rest of the transaction; undefined when there is none. Here as everywhere `for no key update`: a row that
 * is changed twice in one transaction has its foreign keys checked anew, and that must not wait for who works on the parent.
 */
export async function lockTask(db: Sql, id: string): Promise<(TaskRow & Reserved) | undefined> {
  const found = await sql<TaskRow & Reserved>`select ${TASK_COLUMNS}, t.reserved_for from tasks.task t where t.tenant_id = ${currentTenantId()} and t.id = ${id} for no key update`.execute(db);
  return found.rows[0];
}

/** What a list asks for beside the queue and the status, which have an index of their own. */
function conditions(query: TaskQuery): RawBuilder<unknown> {
  const all = [sql`t.tenant_id = ${currentTenantId()}`];
  if (query.status !== undefined) all.push(sql`t.status = ${query.status}`);
  if (query.queue !== undefined) all.push(sql`t.queue = ${query.queue}`);
  if (query.assigneeId !== undefined) all.push(sql`t.assignee_id = ${query.assigneeId}`);
  if (query.projectId !== undefined) all.push(sql`t.project_id = ${query.projectId}`);
  if (query.parentId !== undefined) all.push(sql`t.parent_id = ${query.parentId}`);
  if (query.processRunId !== undefined) all.push(sql`t.process_run_id = ${query.processRunId}`);
  if (query.externalId !== undefined) all.push(sql`t.external_id = ${query.externalId}`);
  if (query.capability !== undefined) all.push(sql`t.id in (select task_id from tasks.requiring(${query.capability}::text))`);
  return sql.join(all, sql` and `);
}

/** A page newest first, with one row more than the page holds. Each filter has an index that ends in the id. */
export async function selectTasks(db: Sql, query: TaskQuery, before: string | undefined): Promise<TaskRow[]> {
  const where = before === undefined ? conditions(query) : sql`${conditions(query)} and t.id < ${before}::uuid`;
  const page = sql`${TASK_COLUMNS} from tasks.task t where ${where}`;
  const limit = query.limit + 1;
  const merged = (parts: RawBuilder<unknown>, part: RawBuilder<unknown>) => sql<TaskRow>`
    with recursive ${parts}
    select p.* from part cross join lateral (select ${page} and ${part} order by t.id desc limit ${limit}) p order by p.id desc limit ${limit}`;
  // task_queue_index has queue, status and id: what is asked for by one of the first two alone is the newest of each of the other, merged.
  const found = await (query.queue !== undefined && query.status === undefined
    ? merged(sql`part as (select unnest(${[...TASK_STATUSES]}::text[]) as status)`, sql`t.status = part.status`)
    : query.queue === undefined && query.status !== undefined && !hasIndexOfItsOwn(query)
      ? merged(queueNames('part'), sql`t.queue = part.queue`)
      : sql<TaskRow>`select ${page} order by t.id desc limit ${limit}`
  ).execute(db);
  return found.rows;
}

const hasIndexOfItsOwn = ({ assigneeId, projectId, parentId, processRunId, externalId, capability }: TaskQuery): boolean =>
  [assigneeId, projectId, parentId, processRunId, externalId, capability].some((filter) => filter !== undefined);

/** Names of the queues that have tasks, by a loose scan of task_queue_index: one probe a queue. A part of WITH RECURSIVE. */
export const queueNames = (name: string): RawBuilder<unknown> => sql`${sql.ref(name)} as (
      (select t.queue from tasks.task t where t.tenant_id = ${currentTenantId()} order by t.queue limit 1)
      union all
      select n.queue from ${sql.ref(name)} p cross join lateral (select t.queue from tasks.task t where t.tenant_id = ${currentTenantId()} and t.queue > p.queue order by t.queue limit 1) n
    )`;

/** How many tasks match, whatever the page. */
export async function countTasks(db: Sql, query: TaskQuery): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from tasks.task t where ${conditions(query)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** Row of a tree: a task and how deep below the root it is. */
export type TreeRow = Pick<TaskRow, 'id' | 'parent_id' | 'title' | 'status' | 'progress' | 'assignee_id' | 'child_count'> & { depth: number };

/** A task and all below it, by task_parent_index, level by level. At most `limit` rows. */
export async function selectTree(db: Sql, rootId: string, limit: number): Promise<TreeRow[]> {
  const tenantId = currentTenantId();
  const found = await sql<TreeRow>`
    with recursive tree as (
      select t.id, t.parent_id, t.title, t.status, t.progress, t.assignee_id, t.child_count, 0 as depth from tasks.task t where t.tenant_id = ${tenantId} and t.id = ${rootId}
      union all
      select t.id, t.parent_id, t.title, t.status, t.progress, t.assignee_id, t.child_count, up.depth + 1
        from tree up join tasks.task t on t.tenant_id = ${tenantId} and t.parent_id = up.id
    )
    select * from tree limit ${limit}`.execute(db);
  return found.rows;
}

/** How many tasks an agent is assigned, by task_assignee_index, or a project has, by task_project_index. */
export async function countTasksOf(db: Sql, of: { agentId: string } | { projectId: string }): Promise<number> {
  const owner = 'agentId' in of ? sql`assignee_id = ${of.agentId}` : sql`project_id = ${of.projectId}`;
  const found = await sql<{ count: string }>`select count(*) as count from tasks.task where tenant_id = ${currentTenantId()} and ${owner}`.execute(db);
  return Number(found.rows[0]!.count);
}
