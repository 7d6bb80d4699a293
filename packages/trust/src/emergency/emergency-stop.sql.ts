import { insertEntry, insertEntryPerRow } from '@agent-hive/audit';
import { currentTenantId, newId, requireContext, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** A stop that runs, as SQL returns it. */
export interface EmergencyStopRow {
  id: string;
  reason: string;
  cancelled_approvals: number;
  started_by_name: string;
  created_at: Date | string;
}

const COLUMNS = sql`e.id, e.reason, e.cancelled_approvals, e.started_by_name, e.created_at`;

/** The stop that runs. By emergency_stop_running_unique. */
export async function selectRunningStop(db: Sql): Promise<EmergencyStopRow | undefined> {
  const found = await sql<EmergencyStopRow>`select ${COLUMNS} from trust.emergency_stop e where e.tenant_id = ${currentTenantId()} and e.is_running`.execute(db);
  return found.rows[0];
}

/** Starts a stop, with its entry; undefined when one runs: of two that start it at once, exactly one gets a row. */
export async function insertStop(db: Sql, reason: string, now: Date): Promise<EmergencyStopRow | undefined> {
  const id = newId();
  const entry = insertEntry({ action: 'emergency_stop.started', subjectType: 'emergency_stop', subjectId: id, risk: 'critical', newState: { reason } }, 'e');
  const made = await sql<EmergencyStopRow>`
    with e as (
      insert into trust.emergency_stop (tenant_id, id, reason, cancelled_approvals, started_by_name, is_running, created_at)
      values (${currentTenantId()}, ${id}, ${reason}, 0, ${requireContext().principal.actor.name}, true, ${now})
      on conflict (tenant_id, is_running) do nothing
      returning *
    ), entry as (${entry})
    select ${COLUMNS} from e`.execute(db);
  return made.rows[0];
}

/** Writes how many approvals a stop cancelled; each has an entry of its own. By primary key. */
export async function updateCancelled(db: Sql, id: string, count: number): Promise<void> {
  await sql`update trust.emergency_stop set cancelled_approvals = ${count} where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db);
}

/** Ends the stop that runs, with its entry; nothing where none runs. By emergency_stop_running_unique. */
export async function liftStop(db: Sql, now: Date): Promise<void> {
  const entry = insertEntryPerRow(
    { subjectType: 'emergency_stop', action: sql`'emergency_stop.lifted'`, id: sql`${newId()}::uuid`, subjectId: sql`e.id::text`, risk: sql`'critical'`, occurredAt: now, previousState: sql`jsonb_build_object('reason', e.reason)` },
    sql`e`,
  );
  await sql`
    with e as (
      update trust.emergency_stop e set is_running = null, lifted_at = ${now}, lifted_by_name = ${requireContext().principal.actor.name} where e.tenant_id = ${currentTenantId()} and e.is_running
      returning e.id, e.reason
    ) ${entry}`.execute(db);
}

/** Whether the fleet is stopped. By emergency_stop_running_unique. */
export const isFleetStopped = async (db: Sql): Promise<boolean> => (await selectRunningStop(db)) !== undefined;
