import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** One table of a tenant, as export and deletion see it. */
export interface TenantStore {
  table: string;
  /** Columns of the primary key after the tenant, in order. */
  key: readonly string[];
  /** Columns that never leave the database. */
  secret?: readonly string[];
  /** Why deletion leaves the table alone, if it does. */
  kept?: string;
}

const PAGE = 500;

/** The next rows of a store by its primary key, with their keys; no secrets. */
export async function nextRows(db: Sql, store: TenantStore, after: readonly unknown[] | null): Promise<{ row: Record<string, unknown>; key: unknown[] }[]> {
  const key = sql.join(store.key.map((column) => sql.ref(`t.${column}`)));
  const beyond = after === null ? sql`` : sql`and (${key}) > (${sql.join(after)})`;
  const found = await sql<{ row: Record<string, unknown>; key: unknown[] }>`
    select to_jsonb(t) - ${[...(store.secret ?? [])]}::text[] as row, jsonb_build_array(${key}) as key from ${sql.table(store.table)} t
     where t.tenant_id = ${currentTenantId()} ${beyond} order by ${key} limit ${PAGE}`.execute(db);
  return found.rows;
}

/** Deletes the tenant's rows of a store; returns how many. The record says so once, in the receipt of the tenant's deletion. */
export async function deleteRows(db: Sql, store: TenantStore): Promise<number> {
  const deleted = await sql`delete from ${sql.table(store.table)} where tenant_id = ${currentTenantId()}`.execute(db);
  return Number(deleted.numAffectedRows ?? 0);
}

/** Counts the tenant's rows of a store. */
export async function countRows(db: Sql, store: TenantStore): Promise<number> {
  const counted = await sql<{ count: string }>`select count(*) as count from ${sql.table(store.table)} where tenant_id = ${currentTenantId()}`.execute(db);
  return Number(counted.rows[0]!.count);
}
