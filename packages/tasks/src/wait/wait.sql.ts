import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { TASK_COLUMNS } from '../task/task.sql.js';
import type { TaskRow } from '../task/task-view.dto.js';

/** Reason of a task that waits for a person. */
export const INTERACTION = 'interaction';

/** Tasks that wait for interactions, locked by id. Served by task_interaction_index. */
export async function lockWaitingFor(db: Sql, interactionIds: readonly string[]): Promise<TaskRow[]> {
  const found = await sql<TaskRow>`
    select ${TASK_COLUMNS} from tasks.task t
     where t.tenant_id = ${currentTenantId()} and t.interaction_id = any (${interactionIds}::uuid[]) and t.status = 'waiting' and t.status_reason = ${INTERACTION}
     order by t.id for no key update of t`.execute(db);
  return found.rows;
}
