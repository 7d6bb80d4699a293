import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { asBuffer, leafHashOf, PAYLOAD } from './sealing.sql.js';

/** A leaf of which not everything is as it was sealed, with what is wrong or lacking. */
export interface Suspect {
  sequence: number;
  entryId: string;
  isLeafEdited: boolean;
  isEntryMissing: boolean;
  isEntryEdited: boolean;
  isErased: boolean;
}

/** Leaves by their sequences, both ends included. */
export interface LeafRange {
  from: number;
  to: number;
}

/** Leaves of a range: their stored hashes one behind the other, and those that need a closer look. */
export interface LeafBatch {
  count: number;
  hashes: Buffer;
  suspects: Suspect[];
}

/** What is to be said of a leaf `l` and its entry `e`, or none: their hashes made anew. */
const looked = (): RawBuilder<unknown> => sql`
  l.sequence, l.entry_id, l.leaf_hash, l.leaf_hash <> ${leafHashOf('l')} as "isLeafEdited", e.id is null as "isEntryMissing", l.salt is null as "isErased",
  e.id is not null and (row(e.occurred_at, e.action, e.subject_type, e.subject_id, e.risk) is distinct from row(l.occurred_at, l.action, l.subject_type, l.subject_id, l.risk)
    or coalesce(sha256(l.salt || convert_to(${PAYLOAD}, 'UTF8')) <> l.payload_hash, false)) as "isEntryEdited"`;

/** Those of `k`, what was looked at, that need a closer look. */
const SUSPECTS = sql`
  coalesce(jsonb_agg(to_jsonb(k) - 'leaf_hash' - 'entry_id' || jsonb_build_object('entryId', k.entry_id) order by k.sequence)
             filter (where k."isLeafEdited" or k."isEntryMissing" or k."isErased" or k."isEntryEdited"), '[]')`;

/**
 * Hashes the leaves of a range and their entries anew, in the database: some bytes a leaf come back. Entries lie by their ids much as
 * leaves do by their sequences, so those between the ids of the first leaf and of the last are read in one go, twice as many as leaves
 * at most; what is not among them, such as an entry that was sealed late, is looked up by its own key. All of it by primary keys.
 */
export async function checkLeaves(db: Sql, { from, to }: LeafRange): Promise<LeafBatch> {
  const tenantId = currentTenantId();
  await sql`set local enable_nestloop = off`.execute(db); // a plan for few rows would compare each leaf with each entry
  const idAt = (sequence: number) => sql`(select b.entry_id from audit.leaf b where b.tenant_id = ${tenantId} and b.sequence = ${sequence}::bigint)`;
  const found = await sql<{ count: string | number; hashes: Buffer | null; suspects: Suspect[] }>`
    select count(*) as count, string_agg(k.leaf_hash, ''::bytea order by k.sequence) as hashes, ${SUSPECTS} as suspects
      from (
        select ${looked()}
          from audit.leaf l
          left join (
            select * from audit.entry where tenant_id = ${tenantId} and id >= ${idAt(from)} and id <= ${idAt(to)} order by id limit ${2 * (to - from + 1)}
          ) e on e.id = l.entry_id
         where l.tenant_id = ${tenantId} and l.sequence between ${from}::bigint and ${to}::bigint offset 0
      ) k`.execute(db);
  const { count, hashes, suspects } = found.rows[0]!;
  const elsewhere = suspects.filter((suspect) => suspect.isEntryMissing).map((suspect) => suspect.sequence);
  const others = elsewhere.length > 0 ? await checkEach(db, elsewhere) : [];
  return { count: Number(count), hashes: hashes ? asBuffer(hashes) : Buffer.alloc(0), suspects: [...suspects.filter((suspect) => !suspect.isEntryMissing), ...others].sort((a, b) => a.sequence - b.sequence) };
}

/** The same of single leaves. */
async function checkEach(db: Sql, sequences: readonly number[]): Promise<Suspect[]> {
  const tenantId = currentTenantId();
  const found = await sql<{ suspects: Suspect[] }>`
    select ${SUSPECTS} as suspects
      from (
        select ${looked()}
          from audit.leaf l
          left join lateral (select * from audit.entry e where e.tenant_id = ${tenantId} and e.id = l.entry_id offset 0) e on true
         where l.tenant_id = ${tenantId} and l.sequence = any (${[...sequences]}::bigint[]) offset 0
      ) k`.execute(db);
  return found.rows[0]!.suspects;
}

/** Sequences of a range that have no leaf, the first `limit`. */
export async function selectGaps(db: Sql, { from, to, limit }: LeafRange & { limit: number }): Promise<number[]> {
  const found = await sql<{ sequence: string | number }>`
    select s as sequence from generate_series(${from}::bigint, ${to}::bigint) s
     where not exists (select from audit.leaf l where l.tenant_id = ${currentTenantId()} and l.sequence = s) order by s limit ${limit}`.execute(db);
  return found.rows.map((row) => Number(row.sequence));
}

/** The entries of sequences; those that have no leaf are left out. By the primary key. */
export async function selectEntryIdsAt(db: Sql, sequences: readonly number[]): Promise<Map<number, string>> {
  const found = await sql<{ sequence: string | number; entry_id: string }>`
    select sequence, entry_id from audit.leaf where tenant_id = ${currentTenantId()} and sequence = any (${[...sequences]}::bigint[])`.execute(db);
  return new Map(found.rows.map((row) => [Number(row.sequence), row.entry_id]));
}

/** A leaf that no checkpoint covers, and the size up to which they do. */
export interface UncoveredLeaf {
  sequence: number;
  entryId: string;
  covered: number;
}

/**
 * Leaves behind a size and behind the last checkpoint, the first `limit`. In one statement, which sees a turn of the sealer with
 * its checkpoint or not at all. By the primary keys.
 */
export async function selectUncovered(db: Sql, size: number, limit: number): Promise<UncoveredLeaf[]> {
  const tenantId = currentTenantId();
  const found = await sql<{ sequence: string | number; entry_id: string; covered: string | number }>`
    with covered as materialized (
      select greatest(${size}::bigint, coalesce((select max(size) from audit.checkpoint where tenant_id = ${tenantId}), 0)) as size
    )
    select l.sequence, l.entry_id, (select size from covered) as covered
      from audit.leaf l where l.tenant_id = ${tenantId} and l.sequence > (select size from covered) order by l.sequence limit ${limit}`.execute(db);
  return found.rows.map((row) => ({ sequence: Number(row.sequence), entryId: row.entry_id, covered: Number(row.covered) }));
}

/** Entries with ids from `floor` to before `ceiling` that have no leaf, the first `limit`. Both sides by their keys. */
export async function selectUnsealed(db: Sql, { floor, ceiling, limit }: { floor: string; ceiling: string; limit: number }): Promise<string[]> {
  const tenantId = currentTenantId();
  const found = await sql<{ id: string }>`
    select e.id from audit.entry e
     where e.tenant_id = ${tenantId} and e.id >= ${floor}::uuid and e.id < ${ceiling}::uuid
       and not exists (select from audit.leaf l where l.tenant_id = ${tenantId} and l.entry_id = e.id and l.entry_id >= ${floor}::uuid and l.entry_id < ${ceiling}::uuid)
     order by e.id limit ${limit}`.execute(db);
  return found.rows.map((row) => row.id);
}
