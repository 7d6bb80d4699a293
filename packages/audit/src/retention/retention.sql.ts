import { createHash } from 'node:crypto';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { insertEntry } from '../entry.sql.js';
import type { RetainedStore } from './store.js';
import { held } from './subject.sql.js';

/** What a run looks for in a store: rows whose ids are below `floor`, as of one moment. */
export interface Due {
  store: RetainedStore;
  floor: string;
  now: Date;
}

const RECORD = 'audit.entry';

/** An entry that has no place in the log yet never goes. */
function old({ store, floor }: Due): RawBuilder<unknown> {
  const all = [sql`t.tenant_id = ${currentTenantId()}`, sql`t.id < ${floor}::uuid`];
  if (store.finished) all.push(sql`(${sql.raw(store.finished)})`);
  if (store.table === RECORD) all.push(sql`exists (select from audit.leaf l where l.tenant_id = ${currentTenantId()} and l.entry_id = t.id)`);
  return sql.join(all, sql` and `);
}

/** How many rows of the store are due, and how many would be but for a hold. By the primary key, in the months below the floor. */
export async function countDue(db: Sql, due: Due): Promise<{ due: number; held: number }> {
  const counted = await sql<{ due: string; held: string }>`
    select count(*) filter (where not x.held) as due, count(*) filter (where x.held) as held
      from (select ${held(due.store, due.now)} as held from ${sql.table(due.store.table)} t where ${old(due)}) x`.execute(db);
  const { due: dueCount, held: heldCount } = counted.rows[0]!;
  return { due: Number(dueCount), held: Number(heldCount) };
}

/** A row on its way out: its JSON is what is archived. */
export interface LeavingRow {
  id: string;
  row: string;
}

const ROWS_MAX = 1000;
const BYTES_MAX = 16 * 1024 * 1024;

/** The next rows that are due, the oldest first, after one id: as many as fit into an archive, by what they take there before it is compressed. */
export async function nextDue(db: Sql, due: Due, after: string | null): Promise<LeavingRow[]> {
  const beyond = after === null ? sql`` : sql`and t.id > ${after}::uuid`;
  const found = await sql<LeavingRow>`
    with next as materialized (
      select t.id, octet_length(to_jsonb(t)::text) as size from ${sql.table(due.store.table)} t where ${old(due)} ${beyond} and not ${held(due.store, due.now)} order by t.id limit ${ROWS_MAX}
    ), fitting as materialized (
      select n.id from (select id, sum(size) over (order by id) - size as before from next) n where n.before < ${BYTES_MAX}::bigint
    )
    select t.id, to_jsonb(t)::text as row from ${sql.table(due.store.table)} t join fitting f on f.id = t.id where t.tenant_id = ${currentTenantId()} order by t.id`.execute(db);
  return found.rows;
}

/** What the proof says of a batch that leaves. */
export interface Proof {
  runId: string;
  rows: readonly LeavingRow[];
  digest: string;
  sizeBytes: number;
  location: string | null;
  /** Data keys that encrypt values of the rows. */
  dataKeyIds: readonly string[];
  expiresAt: Date | null;
}

/**
 * Takes the rows out, with the proof of it and the entry of the record; to run in a transaction that holds the tenant's retention lock.
 * Returns how many went. They are fewer than the batch when a row was changed or a hold was placed meanwhile: the caller then rolls back.
 */
export async function takeOut(db: Sql, due: Due, proof: Proof): Promise<number> {
  const { store } = due;
  const tenantId = currentTenantId();
  const id = newId();
  const ids = proof.rows.map((row) => row.id);
  const isRecord = store.table === RECORD;
  const sequences = isRecord
    ? sql`(select range_agg(int8range(l.sequence, l.sequence, '[]')) from audit.leaf l where l.tenant_id = ${tenantId} and l.entry_id = any (${ids}::uuid[]))`
    : sql`null::int8multirange`;
  const details = { table: store.table, rows: ids.length, firstId: ids[0], lastId: ids.at(-1), digest: proof.digest, location: proof.location };
  await sql`
    with proof as (
      insert into audit.archive (tenant_id, id, run_id, store_table, retention_class, first_id, last_id, row_count, sequences, digest, size_bytes, location, data_key_ids, checkpoint_size, created_at, expires_at)
      select ${tenantId}::uuid, ${id}::uuid, ${proof.runId}::uuid, ${store.table}::text, ${store.retention}::text, ${ids[0]}::uuid, ${ids.at(-1)}::uuid, ${ids.length}::int, ${sequences},
             ${proof.digest}::text, ${proof.sizeBytes}::int, ${proof.location}::text, ${JSON.stringify(proof.dataKeyIds)}::jsonb, (select max(c.size) from audit.checkpoint c where c.tenant_id = ${tenantId}), ${due.now}::timestamptz, ${proof.expiresAt}::timestamptz
      returning id
    ) ${insertEntry({ action: 'archive.created', subjectType: 'archive', subjectId: id, details }, 'proof')}`.execute(db);
  const unchanged = sql`${old(due)} and not ${held(store, due.now)} and t.id = any (${ids}::uuid[])
    and sha256(convert_to(to_jsonb(t)::text, 'UTF8')) = any (${proof.rows.map((row) => createHash('sha256').update(row.row).digest())}::bytea[])`;
  if (isRecord) {
    const still = await sql<{ count: string }>`select count(*) as count from audit.entry t where ${unchanged}`.execute(db);
    if (Number(still.rows[0]!.count) !== ids.length) return Number(still.rows[0]!.count);
    const removed = await sql<{ removed: number }>`select audit.remove_entries(${id}, ${ids}::uuid[]) as removed`.execute(db);
    return removed.rows[0]!.removed;
  }
  const removed = await sql`delete from ${sql.table(store.table)} t where ${unchanged}`.execute(db);
  return Number(removed.numAffectedRows ?? 0);
}

/** Locks the tenant's retention until the transaction ends: deletions by policy, erasures and new holds take turns. */
export async function lockRetention(db: Sql): Promise<void> {
  await sql`insert into audit.retention_lock (tenant_id) values (${currentTenantId()}) on conflict do nothing`.execute(db);
  await sql`select tenant_id from audit.retention_lock where tenant_id = ${currentTenantId()} for update`.execute(db);
}

/** Drops the months of the table below the floor that hold no row of any tenant; returns their names. */
export async function dropEmptyMonths(db: Sql, table: string, until: Date): Promise<string[]> {
  const dropped = await sql<{ name: string }>`select kernel.drop_empty_months(${table}::regclass, ${until}) as name`.execute(db);
  return dropped.rows.map((row) => row.name);
}
