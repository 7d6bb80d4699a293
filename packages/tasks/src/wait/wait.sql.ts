import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { lockGroupsAbove } from '../task/settlement.sql.js';
import { TASK_COLUMNS } from '../task/task.sql.js';
import type { TaskRow } from '../task/task-view.dto.js';

/** Reason of a task that waits for a person. */
export const INTERACTION = 'interaction';

/**
 * Tasks that wait for interactions, locked by id below their groups: a task that is moved twice in one transaction has its
 * foreign keys checked again, and then the group is needed while others may have it. Served by task_interaction_index.
 * Nothing else comes to wait for these meanwhile, since the caller has the interactions.
 */
export async function lockWaitingFor(db: Sql, interactionIds: readonly string[]): Promise<TaskRow[]> {
  const waiting = sql`t.tenant_id = ${currentTenantId()} and t.interaction_id = any (${interactionIds}::uuid[]) and t.status = 'waiting' and t.status_reason = ${INTERACTION}`;
  const seen = await sql<{ id: string; parent_id: string | null }>`select t.id, t.parent_id from tasks.task t where ${waiting}`.execute(db);
  const inGroups = seen.rows.filter((row) => row.parent_id !== null).map((row) => row.id);
  if (inGroups.length > 0) await lockGroupsAbove(db, inGroups);
  if (seen.rows.length === 0) return [];
  const found = await sql<TaskRow>`select ${TASK_COLUMNS} from tasks.task t where ${waiting} order by t.id for update of t`.execute(db);
  return found.rows;
}
