import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { EncryptedColumn } from './encrypted-column.js';

/** Row of audit.data_key. */
export interface DataKeyRow {
  id: string;
  wrapped: string | null;
  wrapped_by: string;
  created_at: Date | string;
  retired_at: Date | string | null;
  destroyed_at: Date | string | null;
}

/** The active key, by data_key_active_unique. */
export async function activeKey(db: Sql): Promise<DataKeyRow | undefined> {
  return (await sql<DataKeyRow>`select * from audit.data_key where tenant_id = ${currentTenantId()} and retired_at is null`.execute(db)).rows[0];
}

/** A key by its id, with the primary key. */
export async function keyById(db: Sql, id: string): Promise<DataKeyRow | undefined> {
  return (await sql<DataKeyRow>`select * from audit.data_key where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db)).rows[0];
}

/** Every key of the tenant, newest first. */
export async function allKeys(db: Sql): Promise<DataKeyRow[]> {
  return (await sql<DataKeyRow>`select * from audit.data_key where tenant_id = ${currentTenantId()} order by id desc`.execute(db)).rows;
}

/** Makes a key the active one unless there is one. Whoever comes second waits for the first, and then finds its key. */
export async function insertKey(db: Sql, key: { id: string; wrapped: string; wrappedBy: string; createdAt: Date }): Promise<boolean> {
  const made = await sql`insert into audit.data_key (tenant_id, id, wrapped, wrapped_by, created_at)
    values (${currentTenantId()}, ${key.id}, ${key.wrapped}, ${key.wrappedBy}, ${key.createdAt})
    on conflict (tenant_id) where retired_at is null do nothing`.execute(db);
  return Number(made.numAffectedRows ?? 0) === 1;
}

/** Retires the active key; returns its id. */
export async function retireKey(db: Sql, at: Date): Promise<string | undefined> {
  const retired = await sql<{ id: string }>`update audit.data_key set retired_at = ${at} where tenant_id = ${currentTenantId()} and retired_at is null returning id`.execute(db);
  return retired.rows[0]?.id;
}

/** Stores a key as another key-encryption key wraps it, unless somebody else has done so meanwhile. */
export async function rewrapKey(db: Sql, key: { id: string; wrapped: string; wrappedBy: string; before: string }): Promise<void> {
  await sql`update audit.data_key set wrapped = ${key.wrapped}, wrapped_by = ${key.wrappedBy}
    where tenant_id = ${currentTenantId()} and id = ${key.id} and wrapped = ${key.before}`.execute(db);
}

/** Forgets a key that nothing is encrypted with any more. */
export async function destroyKey(db: Sql, id: string, at: Date): Promise<void> {
  await sql`update audit.data_key set wrapped = null, destroyed_at = ${at} where tenant_id = ${currentTenantId()} and id = ${id} and retired_at is not null`.execute(db);
}

/** A value that is encrypted with another key than the active one. */
export interface StaleValue {
  row: string;
  value: string;
}

const BATCH = 200;

/** The next values of a column that do not begin with `prefix`, in the order of their ids, after one id. */
export async function staleValues(db: Sql, { table, column }: EncryptedColumn, prefix: string, after: string | null): Promise<StaleValue[]> {
  const beyond = after === null ? sql`` : sql`and t.id > ${after}::uuid`;
  const found = await sql<StaleValue>`select t.id as row, t.${sql.ref(column)} as value from ${sql.table(table)} t
    where t.tenant_id = ${currentTenantId()} ${beyond} and t.${sql.ref(column)} is not null and not starts_with(t.${sql.ref(column)}, ${prefix})
    order by t.id limit ${BATCH}`.execute(db);
  return found.rows;
}

/** Whether the column holds a value that begins with `prefix`. */
export async function hasValues(db: Sql, { table, column }: EncryptedColumn, prefix: string): Promise<boolean> {
  const found = await sql<{ found: boolean }>`select exists (select from ${sql.table(table)} t
    where t.tenant_id = ${currentTenantId()} and starts_with(t.${sql.ref(column)}, ${prefix})) as found`.execute(db);
  return found.rows[0]!.found;
}

/** Whether an archive that can be read holds values of the key. */
export async function isArchivedWith(db: Sql, id: string): Promise<boolean> {
  const found = await sql<{ found: boolean }>`select exists (select from audit.archive a
    where a.tenant_id = ${currentTenantId()} and a.location is not null and a.data_key_ids @> ${JSON.stringify([id])}::jsonb) as found`.execute(db);
  return found.rows[0]!.found;
}

/**
 * Replaces values by what another key made of them, where they still are what was read: a writer that came between has used the active
 * key already. What the columns say does not change, so rows keep their version, and the record says it once for all of them.
 */
export async function replaceValues(db: Sql, { table, column }: EncryptedColumn, values: readonly (StaleValue & { replacement: string })[]): Promise<number> {
  const replaced = await sql`update ${sql.table(table)} t set ${sql.ref(column)} = v.replacement
    from json_to_recordset(${JSON.stringify(values)}::json) as v("row" uuid, value text, replacement text)
    where t.tenant_id = ${currentTenantId()} and t.id = v."row" and t.${sql.ref(column)} = v.value`.execute(db);
  return Number(replaced.numAffectedRows ?? 0);
}
