import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { RunRow, RunTaskRow } from './process-run.dto.js';

/** A run with its root task. What the root has become is what the run has. */
const COLUMNS = sql`r.id, r.process_id, r.process_version, r.parameters, r.trigger, r.schedule_id, r.event_trigger_id, r.root_task_id, r.created_at, t.title, t.progress, t.completed_at as ended_at,
  case t.status when 'completed' then 'succeeded' when 'failed' then 'failed' when 'dead' then 'failed' when 'cancelled' then 'cancelled' else 'running' end as state`;

/** Both by primary key. */
const FROM = sql`tasks.process_run r join tasks.task t on t.tenant_id = r.tenant_id and t.id = r.root_task_id`;

/** One run. */
export async function selectRun(db: Sql, id: string): Promise<RunRow | undefined> {
  const found = await sql<RunRow>`select ${COLUMNS} from ${FROM} where r.tenant_id = ${currentTenantId()} and r.id = ${id}`.execute(db);
  return found.rows[0];
}

/** The tasks of a run's steps, by primary key. Their ids were minted in the order of the definition. */
export async function selectRunTasks(db: Sql, runId: string): Promise<RunTaskRow[]> {
  const tenantId = currentTenantId();
  const found = await sql<RunTaskRow>`
    select s.step, t.id, t.title, t.status, t.status_reason, t.progress, t.assignee_id
      from tasks.process_run r cross join lateral jsonb_each_text(r.step_tasks) as s(step, task_id) join tasks.task t on t.tenant_id = ${tenantId} and t.id = s.task_id::uuid
     where r.tenant_id = ${tenantId} and r.id = ${runId} order by t.id`.execute(db);
  return found.rows;
}

/** A page of a process's runs newest first, by process_run_process_index, with one row more than the page holds. */
export async function selectRuns(db: Sql, processId: string, limit: number, before: string | undefined): Promise<RunRow[]> {
  const keyset = before === undefined ? sql`` : sql`and r.id < ${before}::uuid`;
  const found = await sql<RunRow>`
    select ${COLUMNS} from ${FROM} where r.tenant_id = ${currentTenantId()} and r.process_id = ${processId} ${keyset} order by r.id desc limit ${limit}`.execute(db);
  return found.rows;
}

/** How many runs a process has, by process_run_process_index. */
export async function countRuns(db: Sql, processId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from tasks.process_run r where r.tenant_id = ${currentTenantId()} and r.process_id = ${processId}`.execute(db);
  return Number(found.rows[0]!.count);
}
