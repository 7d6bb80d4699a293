import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { Subtree } from './merkle.js';

/** The payload of an entry `e` as text: what can be erased of it. States are PostgreSQL's own text of the jsonb, so that no edit escapes. */
export const PAYLOAD = sql`array_to_json(array[e.actor_type, e.actor_id::text, e.actor_name, e.agent_id::text, e.session_id::text,
  e.previous_state::text, e.new_state::text, e.details::text, e.request_id, e.ip::text, e.user_agent])::text`;

/**
 * The RFC 6962 hash of a row that has the columns of audit.leaf; the same bytes as hashOfLeaf(). Only texts that may need an escape are
 * written as JSON: an array of all parts takes half as long again. Their own array begins and ends with `["` and `"]` or `null]`.
 */
export const leafHashOf = (row: string): RawBuilder<unknown> => {
  const column = (name: string) => sql.ref(`${row}.${name}`);
  const texts = sql`btrim(array_to_json(array[${column('action')}, ${column('subject_type')}, ${column('subject_id')}, ${column('risk')}])::text, '[]')`;
  return sql`sha256('\\x00'::bytea || convert_to(${`["agent-hive/leaf/1","${currentTenantId()}","`}::text || ${column('sequence')}::text || '","' || ${column('entry_id')}::text || '","'
    || to_char(${column('occurred_at')} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '",' || ${texts} || ',"' || encode(${column('payload_hash')}, 'hex') || '"]', 'UTF8'))`;
};

/** A leaf that was just written. */
export interface NewLeaf {
  sequence: number;
  entryId: string;
  hash: Buffer;
}

/** Which entries to look at: ids from `floor` on, and how many at most. */
export interface Batch {
  base: number;
  floor: string;
  limit: number;
  sealedAt: Date;
}

/**
 * Gives entries that have no leaf the sequences behind `base`, in the order of their ids. Both sides are read by their keys from
 * `floor` on: audit.entry by its months, audit.leaf by leaf_entry_id_unique. Two that do this at once meet in the primary key.
 */
export async function insertLeaves(db: Sql, { base, floor, limit, sealedAt }: Batch): Promise<NewLeaf[]> {
  const tenantId = currentTenantId();
  const made = await sql<{ sequence: string | number; entry_id: string; leaf_hash: Buffer }>`
    with fresh as materialized (
      select e.id as entry_id, e.occurred_at, e.action, e.subject_type, e.subject_id, e.risk, ${PAYLOAD} as payload, uuid_send(gen_random_uuid()) as salt
        from audit.entry e
       where e.tenant_id = ${tenantId} and e.id >= ${floor}::uuid
         and not exists (select from audit.leaf l where l.tenant_id = ${tenantId} and l.entry_id = e.id and l.entry_id >= ${floor}::uuid)
       order by e.id limit ${limit}
    ), placed as materialized (
      select f.*, ${base}::bigint + row_number() over (order by f.entry_id) as sequence, sha256(f.salt || convert_to(f.payload, 'UTF8')) as payload_hash from fresh f
    )
    insert into audit.leaf (tenant_id, sequence, entry_id, occurred_at, action, subject_type, subject_id, risk, salt, payload_hash, leaf_hash, sealed_at)
    select ${tenantId}::uuid, p.sequence, p.entry_id, p.occurred_at, p.action, p.subject_type, p.subject_id, p.risk, p.salt, p.payload_hash, ${leafHashOf('p')}, ${sealedAt}::timestamptz
      from placed p
    returning sequence, entry_id, leaf_hash`.execute(db);
  return made.rows.map((row) => ({ sequence: Number(row.sequence), entryId: row.entry_id, hash: asBuffer(row.leaf_hash) })).sort((a, b) => a.sequence - b.sequence);
}

/** Row of audit.checkpoint as SQL returns it. */
export interface CheckpointRow {
  size: string | number;
  root: Buffer;
  previous: Buffer | null;
  sealed_at: Date;
  key_id: string;
  signature: Buffer;
}

/** The latest checkpoint. By the end of the primary key. */
export async function selectHead(db: Sql): Promise<CheckpointRow | undefined> {
  const found = await sql<CheckpointRow>`
    select size, root, previous, sealed_at, key_id, signature from audit.checkpoint where tenant_id = ${currentTenantId()} order by size desc limit 1`.execute(db);
  return found.rows[0];
}

/** Checkpoints from behind one size up to another, smallest first. By the primary key. */
export async function selectCheckpoints(db: Sql, { after, to, limit }: { after: number; to: number; limit: number }): Promise<CheckpointRow[]> {
  const found = await sql<CheckpointRow>`
    select size, root, previous, sealed_at, key_id, signature from audit.checkpoint
     where tenant_id = ${currentTenantId()} and size > ${after}::bigint and size <= ${to}::bigint order by size limit ${limit}`.execute(db);
  return found.rows;
}

/** A page of checkpoints, largest first, from below a size. By the primary key. */
export async function selectCheckpointPage(db: Sql, before: number | null, limit: number): Promise<CheckpointRow[]> {
  const keyset = before === null ? sql`` : sql`and size < ${before}::bigint`;
  const found = await sql<CheckpointRow>`
    select size, root, previous, sealed_at, key_id, signature from audit.checkpoint where tenant_id = ${currentTenantId()} ${keyset} order by size desc limit ${limit}`.execute(db);
  return found.rows;
}

/** How many checkpoints there are. */
export async function countCheckpoints(db: Sql): Promise<number> {
  const counted = await sql<{ count: string | number }>`select count(*) as count from audit.checkpoint where tenant_id = ${currentTenantId()}`.execute(db);
  return Number(counted.rows[0]!.count);
}

/** Writes a checkpoint, unless its key is retired or unknown; returns whether it was written. */
export async function insertCheckpoint(db: Sql, { size, root, previous, sealedAt, keyId, signature }: { size: number; root: Buffer; previous: Buffer | null; sealedAt: Date; keyId: string; signature: Buffer }): Promise<boolean> {
  const made = await sql`
    insert into audit.checkpoint (tenant_id, size, root, previous, sealed_at, key_id, signature)
    select ${currentTenantId()}::uuid, ${size}::bigint, ${root}::bytea, ${previous}::bytea, ${sealedAt}::timestamptz, k.id, ${signature}::bytea
      from audit.signing_key k where k.id = ${keyId} and k.retired_at is null
    returning size`.execute(db);
  return made.rows.length === 1;
}

/** Writes nodes of the tree. */
export async function insertNodes(db: Sql, nodes: readonly (Subtree & { hash: Buffer })[]): Promise<void> {
  if (nodes.length === 0) return;
  await sql`
    insert into audit.node (tenant_id, level, node_index, hash)
    select ${currentTenantId()}::uuid, n.level, n.node_index, decode(n.hash, 'hex')
      from unnest(${nodes.map((n) => n.level)}::smallint[], ${nodes.map((n) => n.index)}::bigint[], ${nodes.map((n) => n.hash.toString('hex'))}::text[]) as n (level, node_index, hash)`.execute(db);
}

/** A node's name in what is read of the tree. */
export const nodeName = ({ level, index }: Subtree): string => `${level}:${index}`;

/** Row of a node as SQL returns it. */
interface NodeRow {
  level: number;
  node_index: string | number;
  hash: Uint8Array;
}

const byName = (rows: readonly NodeRow[]): Map<string, Buffer> => new Map(rows.map((row) => [nodeName({ level: row.level, index: Number(row.node_index) }), asBuffer(row.hash)]));

/** Nodes of a level that follow each other, both ends included; none where `last` is before `first`. */
export interface NodeRun {
  level: number;
  first: number;
  last: number;
}

/** Hashes of the stored nodes of runs that are there, by nodeName(). A range of the primary key each. */
export async function selectNodeRuns(db: Sql, runs: readonly NodeRun[]): Promise<Map<string, Buffer>> {
  const found = await sql<NodeRow>`
    select n.level, n.node_index, n.hash
      from unnest(${runs.map((r) => r.level)}::smallint[], ${runs.map((r) => r.first)}::bigint[], ${runs.map((r) => r.last)}::bigint[]) w (level, first, last),
           lateral (select * from audit.node n where n.tenant_id = ${currentTenantId()} and n.level = w.level and n.node_index between w.first and w.last offset 0) n`.execute(db);
  return byName(found.rows);
}

/** Hashes of leaves (level 0) and of stored nodes that are there, by nodeName(). Each by its primary key. */
export async function selectNodes(db: Sql, wanted: readonly Subtree[]): Promise<Map<string, Buffer>> {
  const tenantId = currentTenantId();
  const leaves = wanted.filter((node) => node.level === 0).map((node) => node.index + 1);
  const nodes = wanted.filter((node) => node.level > 0);
  const found = await sql<NodeRow>`
    select 0 as level, l.sequence - 1 as node_index, l.leaf_hash as hash from audit.leaf l where l.tenant_id = ${tenantId} and l.sequence = any (${leaves}::bigint[])
    union all
    select n.level, n.node_index, n.hash from unnest(${nodes.map((n) => n.level)}::smallint[], ${nodes.map((n) => n.index)}::bigint[]) w (level, node_index),
           lateral (select * from audit.node n where n.tenant_id = ${tenantId} and n.level = w.level and n.node_index = w.node_index offset 0) n`.execute(db);
  return byName(found.rows);
}

/** Below every id, of whatever version: a floor that nothing that was put in is under. */
export const LOWEST_ID = '00000000-0000-0000-0000-000000000000';

/** PGlite gives bytea as Uint8Array, pg as Buffer. */
export const asBuffer = (value: Uint8Array): Buffer => (Buffer.isBuffer(value) ? value : Buffer.from(value));
