import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** Archives whose time is over, by archive_expiry_index. */
export async function selectExpired(db: Sql, now: Date): Promise<{ id: string; location: string }[]> {
  const found = await sql<{ id: string; location: string }>`
    select id, location from audit.archive where tenant_id = ${currentTenantId()} and location is not null and expires_at is not null and expires_at <= ${now} order by expires_at limit 1000`.execute(db);
  return found.rows;
}

/** Those of the files that a proof names. */
export async function liveAmong(db: Sql, locations: readonly string[]): Promise<string[]> {
  const found = await sql<{ location: string }>`select location from audit.archive where tenant_id = ${currentTenantId()} and location = any (${[...locations]}::text[])`.execute(db);
  return found.rows.map((row) => row.location);
}

/** Says in the proof that its file is gone; false when the file is not there any more under that name. */
export async function markExpired(db: Sql, id: string, location: string, at: Date): Promise<boolean> {
  const marked = await sql`update audit.archive set location = null, expired_at = ${at} where tenant_id = ${currentTenantId()} and id = ${id} and location = ${location}`.execute(db);
  return Number(marked.numAffectedRows ?? 0) === 1;
}

/** What an archive is after an erasure took rows out of it. */
export async function markRewritten(db: Sql, archive: { id: string; location: string; rowCount: number; digest: string; sizeBytes: number }): Promise<void> {
  const { id, location, rowCount, digest, sizeBytes } = archive;
  await sql`update audit.archive set location = ${location}, row_count = ${rowCount}, digest = ${digest}, size_bytes = ${sizeBytes}
    where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db);
}

/** Which of the sequences of the running tenant's log have a proof that their entry left by policy, and which that their payload was erased. */
export async function accountedFor(db: Sql, sequences: readonly number[]): Promise<{ archived: number[]; erased: number[] }> {
  const found = await sql<{ sequence: string; archived: boolean; erased: boolean }>`
    with archived as materialized (select range_agg(r) as ranges from audit.archive a, unnest(a.sequences) r where a.tenant_id = ${currentTenantId()} and a.sequences is not null),
         erased as materialized (select range_agg(r) as ranges from audit.erasure e, unnest(e.sequences) r where e.tenant_id = ${currentTenantId()})
    select s as sequence, coalesce(archived.ranges @> s, false) as archived, coalesce(erased.ranges @> s, false) as erased
      from unnest(${[...sequences]}::bigint[]) s, archived, erased`.execute(db);
  const numbers = (rows: typeof found.rows) => rows.map((row) => Number(row.sequence));
  return { archived: numbers(found.rows.filter((row) => row.archived)), erased: numbers(found.rows.filter((row) => row.erased)) };
}
