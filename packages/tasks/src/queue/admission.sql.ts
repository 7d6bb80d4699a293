import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** Makes sure that the keys have a row to lock, for one task at a time unless more was set before. */
export async function ensureKeys(db: Sql, keys: readonly string[], now: Date): Promise<void> {
  await sql`
    insert into tasks.concurrency_limit (tenant_id, key, max_active, created_at, updated_at)
    select ${currentTenantId()}::uuid, k.key, 1, ${now}::timestamptz, ${now}::timestamptz from unnest(${keys}::text[]) as k(key) order by k.key
    on conflict (tenant_id, key) do nothing`.execute(db);
}

/** Holds keys for the rest of the transaction, in their order; what is counted of them after that stays so. */
export async function lockKeys(db: Sql, keys: readonly string[]): Promise<void> {
  await sql`select from tasks.concurrency_limit where tenant_id = ${currentTenantId()} and key = any (${keys}::text[]) order by key for update`.execute(db);
}

/**
 * Lets ready tasks of locked keys through to be claimed while there is room, the first by priority and age; where there are
 * too many, since the limit was lowered, those of them that nobody has claimed are held again, the last first. So a claim need
 * not look at keys, and a thousand tasks behind a full one cost it nothing. Served by task_concurrency_index; tasks that
 * another transaction holds are left to it. Returns the ids of the tasks that were let through.
 */
export async function admit(db: Sql, keys: readonly string[]): Promise<string[]> {
  const tenantId = currentTenantId();
  const admitted = await sql<{ id: string; held_by: string | null }>`
    with room as materialized (
      select l.key, l.max_active - (select count(*) from tasks.task t where t.tenant_id = ${tenantId} and t.concurrency_key = l.key and t.status in ('ready', 'claimed', 'running') and t.held_by is null) as places
        from tasks.concurrency_limit l where l.tenant_id = ${tenantId} and l.key = any (${keys}::text[])
    ), chosen as materialized (
      select c.id, null as held_by from room r cross join lateral (
        select t.id from tasks.task t
         where t.tenant_id = ${tenantId} and t.concurrency_key = r.key and t.status = 'ready' and t.held_by = 'concurrency_key'
         order by t.priority desc, t.id for no key update skip locked limit greatest(r.places, 0)) c
      union all
      select c.id, 'concurrency_key' from room r cross join lateral (
        select t.id from tasks.task t
         where t.tenant_id = ${tenantId} and t.concurrency_key = r.key and t.status = 'ready' and t.held_by is null
         order by t.priority, t.id desc for no key update skip locked limit greatest(-r.places, 0)) c
    )
    update tasks.task t set held_by = c.held_by from chosen c where t.tenant_id = ${tenantId} and t.id = c.id
    returning t.id, t.held_by`.execute(db);
  return admitted.rows.filter((row) => row.held_by === null).map((row) => row.id);
}
