import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** Ends runs whose process is gone, by retention_run_active_unique. */
export async function abandonRuns(db: Sql, now: Date): Promise<void> {
  await sql`update audit.retention_run set state = 'abandoned', finished_at = ${now}, error = 'the process that ran it ended'
    where tenant_id = ${currentTenantId()} and state = 'running' and lease_expires_at < ${now}`.execute(db);
}

/** Extends the lease of a run; false when it has lost it, and must stop. */
export async function extendLease(db: Sql, id: string, until: Date): Promise<boolean> {
  const extended = await sql`update audit.retention_run set lease_expires_at = ${until} where tenant_id = ${currentTenantId()} and id = ${id} and state = 'running'`.execute(db);
  return Number(extended.numAffectedRows ?? 0) === 1;
}
