import { atMost, currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { DependencyType } from './lifecycle.js';
import { demandsOf, laneOf } from './lane.js';
import { TASK_COLUMNS } from './task.sql.js';
import type { TaskRow } from './task-view.dto.js';

/** What new tasks refer to outside of tasks. */
export interface References {
  projects: readonly string[];
  processRuns: readonly string[];
}

/** Keeps agents from being deleted until the transaction ends; what refers to them counts against it then. Returns those that are there. */
export async function lockAgents(db: Sql, ids: readonly string[]): Promise<string[]> {
  const found = await sql<{ id: string }>`select id from agents.agent where tenant_id = ${currentTenantId()} and id = any (${ids}::uuid[]) order by id for key share`.execute(db);
  return found.rows.map((row) => row.id);
}

/** Ids of those that are not there, by primary keys. */
export async function selectMissing(db: Sql, { projects, processRuns }: References): Promise<string[]> {
  const tenantId = currentTenantId();
  const missing = await sql<{ id: string }>`
    select w.id from unnest(${projects}::uuid[]) as w(id) where not exists (select from identity.project p where p.tenant_id = ${tenantId} and p.id = w.id)
    union all
    select w.id from unnest(${processRuns}::uuid[]) as w(id) where not exists (select from tasks.process_run r where r.tenant_id = ${tenantId} and r.id = w.id)`.execute(db);
  return missing.rows.map((row) => row.id);
}

/** Locks tasks in the order of their ids against whatever would end them, for the rest of the transaction. By primary key. */
export async function lockTasks(db: Sql, ids: readonly string[]): Promise<TaskRow[]> {
  const found = await sql<TaskRow>`
    select ${TASK_COLUMNS} from tasks.task t where t.tenant_id = ${currentTenantId()} and t.id = any (${ids}::uuid[]) order by t.id for no key update of t`.execute(db);
  return found.rows;
}

/** Marks locked tasks as ones whose end, or start, matters to others; the latter change to a lane of their own. */
export async function linkTasks(db: Sql, tasks: readonly TaskRow[], startIds: ReadonlySet<string>): Promise<void> {
  const links = [...new Map(tasks.map((task) => [task.id, { ...task, is_start_linked: task.is_start_linked || startIds.has(task.id) }])).values()];
  const rows = links.map((task) => ({ id: task.id, starts: task.is_start_linked, lane: laneOf(demandsOf(task)) }));
  await sql`
    update tasks.task t set is_linked = true, is_start_linked = l.starts, lane = l.lane
      from (select * from json_to_recordset(${JSON.stringify(rows)}::json) as l(id uuid, starts boolean, lane uuid) ${atMost(rows.length)}) l
     where t.tenant_id = ${currentTenantId()} and t.id = l.id and (not t.is_linked or t.is_start_linked <> l.starts)`.execute(db);
}

/** An edge to write, resolved when there is nothing to wait for. */
export interface EdgeInput {
  dependentId: string;
  dependencyId: string;
  type: DependencyType;
  resolvedAt: Date | null;
}

/** Writes the edges of new tasks, whose entries say what they wait for. */
export async function insertEdges(db: Sql, edges: readonly EdgeInput[], now: Date): Promise<void> {
  await sql`
    insert into tasks.task_dependency (tenant_id, dependent_id, dependency_id, type, created_at, resolved_at)
    select ${currentTenantId()}::uuid, e."dependentId", e."dependencyId", e.type, ${now}::timestamptz, e."resolvedAt"
      from json_to_recordset(${JSON.stringify(edges)}::json) as e("dependentId" uuid, "dependencyId" uuid, type text, "resolvedAt" timestamptz)`.execute(db);
}
