import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { lockGroupsAbove } from '../task/settlement.sql.js';
import { TASK_COLUMNS } from '../task/task.sql.js';
import type { TaskRow } from '../task/task-view.dto.js';

/** Rows of one statement: what a sweep holds locked stays small. */
const BATCH = 500;

const EXPIRED = (now: Date) => sql`t.status in ('claimed', 'running') and t.lease_expires_at <= ${now} order by t.lease_expires_at limit ${BATCH}`;
const OVERDUE = (now: Date) =>
  sql`t.deadline_at is not null and t.status in ('blocked', 'ready', 'claimed', 'running', 'waiting') and t.deadline_at <= ${now} order by t.deadline_at limit ${BATCH}`;

/** Tasks whose lease is over, the longest first, locked below their groups; those that somebody else holds are left. Served by task_lease_index. */
export const lockExpired = (db: Sql, now: Date): Promise<TaskRow[]> => lockFound(db, EXPIRED(now));

/** Tasks that are past their deadline and have not ended, locked in the same way. Served by task_deadline_index. */
export const lockOverdue = (db: Sql, now: Date): Promise<TaskRow[]> => lockFound(db, OVERDUE(now));

async function lockFound(db: Sql, condition: RawBuilder<unknown>): Promise<TaskRow[]> {
  const tenantId = currentTenantId();
  const seen = await sql<{ id: string; parent_id: string | null }>`select t.id, t.parent_id from tasks.task t where t.tenant_id = ${tenantId} and ${condition}`.execute(db);
  const inGroups = seen.rows.filter((row) => row.parent_id !== null).map((row) => row.id);
  if (inGroups.length > 0) await lockGroupsAbove(db, inGroups);
  if (seen.rows.length === 0) return [];
  const found = await sql<TaskRow>`select ${TASK_COLUMNS} from tasks.task t where t.tenant_id = ${tenantId} and ${condition} for no key update of t skip locked`.execute(db);
  return found.rows;
}

/** Lets ready tasks whose time has come be claimed, or wait for their key's turn; returns their keys. Served by task_due_index. */
export async function releaseDue(db: Sql, now: Date): Promise<{ concurrency_key: string | null }[]> {
  const tenantId = currentTenantId();
  const due = await sql<{ concurrency_key: string | null }>`
    with due as materialized (
      select t.id from tasks.task t
       where t.tenant_id = ${tenantId} and t.status = 'ready' and t.held_by = 'run_at' and t.run_at <= ${now}
       order by t.run_at limit ${BATCH} for no key update of t skip locked
    )
    update tasks.task t set held_by = case when t.concurrency_key is not null then 'concurrency_key' end
      from due d where t.tenant_id = ${tenantId} and t.id = d.id
    returning t.concurrency_key`.execute(db);
  return due.rows;
}

/** The next moment at which a held task's time comes; null when there is none. Served by task_due_index. */
export async function selectNextDue(db: Sql): Promise<Date | null> {
  const found = await sql<{ run_at: Date }>`
    select t.run_at from tasks.task t where t.tenant_id = ${currentTenantId()} and t.status = 'ready' and t.held_by = 'run_at' order by t.run_at limit 1`.execute(db);
  return found.rows[0] ? new Date(found.rows[0].run_at) : null;
}
