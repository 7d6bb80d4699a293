import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { DefinedVersionRow, VersionRow } from './process-version.dto.js';

/** One version of a process, the latest when no number is given. Undefined when there is no such process, null when it has no such version. Both by primary key. */
export async function selectVersion(db: Sql, processId: string, number?: number): Promise<DefinedVersionRow | null | undefined> {
  const found = await sql<DefinedVersionRow | { number: null }>`
    select p.id as process_id, p.name as process_name, v.number, v.steps, v.parameters, v.requirements, v.success_criteria, v.triggers, v.created_at
      from tasks.process p left join tasks.process_version v on v.tenant_id = p.tenant_id and v.process_id = p.id and v.number = coalesce(${number ?? null}::int, p.latest_version)
     where p.tenant_id = ${currentTenantId()} and p.id = ${processId}`.execute(db);
  const row = found.rows[0];
  return row?.number === null ? null : row;
}

/** A page of versions newest first by process_version_pkey, with one row more than the page holds. Definitions stay where they are. */
export async function selectVersions(db: Sql, processId: string, limit: number, before: number | undefined): Promise<VersionRow[]> {
  const keyset = before === undefined ? sql`` : sql`and v.number < ${before}::int`;
  const found = await sql<VersionRow>`
    select v.process_id, v.number, jsonb_array_length(v.steps) as step_count, v.triggers, v.created_at
      from tasks.process_version v
     where v.tenant_id = ${currentTenantId()} and v.process_id = ${processId} ${keyset}
     order by v.number desc limit ${limit}`.execute(db);
  return found.rows;
}

/** How many versions a process has. */
export async function countVersions(db: Sql, processId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from tasks.process_version v where v.tenant_id = ${currentTenantId()} and v.process_id = ${processId}`.execute(db);
  return Number(found.rows[0]!.count);
}
