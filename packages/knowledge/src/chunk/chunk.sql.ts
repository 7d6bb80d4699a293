import { createHash } from 'node:crypto';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { lockModels } from '../embedding/embedding-model.sql.js';
import type { ItemKind } from '../usage/usage.entity.js';
import type { Piece } from './chunking.js';

/** Row of knowledge.chunk as SQL returns it, with the item that it is of. */
export interface ChunkRow {
  id: string;
  position: number;
  heading: string;
  content: string;
  start_offset: number;
  end_offset: number;
  token_count: number;
}

/** Chunks whose text one statement carries, about. */
const STATEMENT_MAX_CHARS = 1_000_000;

const ownerOf = (kind: ItemKind) => sql.ref(kind === 'document' ? 'document_id' : 'memory_id');

/**
 * Gives an item these chunks in place of those it has, and has each model that the hive computes embed those that are new. One
 * whose heading and content are as they were stays, with its vectors, at its new place. Derived from the
 * text whose entry the caller writes, so there is none for each. Under the lock of the item, by its index.
 */
export async function replaceChunks(db: Sql, item: { kind: ItemKind; id: string }, pieces: readonly Piece[], now: Date): Promise<void> {
  const tenantId = currentTenantId();
  const present = await selectDigests(db, item);
  const { kept, made, gone } = matched(pieces, present);
  if (gone.length > 0) await sql`delete from knowledge.chunk where tenant_id = ${tenantId} and id = any (${gone}::uuid[])`.execute(db);
  if (kept.length > 0) {
    await sql`
      update knowledge.chunk c set position = k.position, start_offset = k."startOffset", end_offset = k."endOffset"
        from json_to_recordset(${JSON.stringify(kept)}::json) as k(id uuid, position int, "startOffset" int, "endOffset" int)
       where c.tenant_id = ${tenantId} and c.id = k.id and (c.position, c.start_offset, c.end_offset) is distinct from (k.position, k."startOffset", k."endOffset")`.execute(db);
  }
  if (made.length > 0) await lockModels(db, 'shared');
  for (const some of inStatements(made)) {
    await sql`
      with made as (
        insert into knowledge.chunk (tenant_id, id, ${ownerOf(item.kind)}, position, heading, content, start_offset, end_offset, token_count, created_at)
        select ${tenantId}, c.id, ${item.id}::uuid, c.position, c.heading, c.content, c."startOffset", c."endOffset", c."tokenCount", ${now}::timestamptz
          from json_to_recordset(${JSON.stringify(some.map((piece) => ({ ...piece, id: newId() })))}::json)
            as c(id uuid, position int, heading text, content text, "startOffset" int, "endOffset" int, "tokenCount" int)
        returning id
      )
      insert into knowledge.pending_embedding (tenant_id, model_id, chunk_id, attempts)
      select ${tenantId}, m.id, made.id, 0 from made cross join knowledge.embedding_model m where m.tenant_id = ${tenantId} and m.provider <> 'caller'`.execute(db);
  }
}

interface Digest {
  id: string;
  digest: string;
}

/** What the chunks of an item say, as the sha256 of heading and content. By its index. */
async function selectDigests(db: Sql, item: { kind: ItemKind; id: string }): Promise<Digest[]> {
  const found = await sql<Digest>`
    select id, encode(sha256(convert_to(heading || chr(10) || content, 'UTF8')), 'hex') as digest from knowledge.chunk
     where tenant_id = ${currentTenantId()} and ${ownerOf(item.kind)} = ${item.id} order by position`.execute(db);
  return found.rows;
}

type KeptPiece = Pick<Piece, 'position' | 'startOffset' | 'endOffset'> & { id: string };

/** Which pieces are there already, which are to be made, and which chunks go. Of pieces that say the same, each has a chunk of its own. */
function matched(pieces: readonly Piece[], present: readonly Digest[]): { kept: KeptPiece[]; made: Piece[]; gone: string[] } {
  if (present.length === 0) return { kept: [], made: [...pieces], gone: [] };
  const free = new Map<string, string[]>();
  for (const { id, digest } of present) free.set(digest, [...(free.get(digest) ?? []), id]);
  const kept: KeptPiece[] = [];
  const made: Piece[] = [];
  for (const piece of pieces) {
    const id = free.get(createHash('sha256').update(`${piece.heading}\n${piece.content}`).digest('hex'))?.shift();
    if (id === undefined) made.push(piece);
    else kept.push({ id, position: piece.position, startOffset: piece.startOffset, endOffset: piece.endOffset });
  }
  return { kept, made, gone: [...free.values()].flat() };
}

function* inStatements(pieces: readonly Piece[]): Generator<Piece[]> {
  let some: Piece[] = [];
  let chars = 0;
  for (const piece of pieces) {
    some.push(piece);
    chars += piece.content.length;
    if (chars < STATEMENT_MAX_CHARS) continue;
    yield some;
    some = [];
    chars = 0;
  }
  if (some.length > 0) yield some;
}

/** A page of an item's chunks by position, with one more than it holds. Served by chunk_document_index or chunk_memory_index. */
export async function selectChunks(db: Sql, item: { kind: ItemKind; id: string }, limit: number, after: number): Promise<ChunkRow[]> {
  const found = await sql<ChunkRow>`
    select id, position, heading, content, start_offset, end_offset, token_count from knowledge.chunk
     where tenant_id = ${currentTenantId()} and ${ownerOf(item.kind)} = ${item.id} and position > ${after} order by position limit ${limit + 1}`.execute(db);
  return found.rows;
}

/** How many chunks an item has. */
export async function countChunks(db: Sql, item: { kind: ItemKind; id: string }): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from knowledge.chunk where tenant_id = ${currentTenantId()} and ${ownerOf(item.kind)} = ${item.id}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** Whether the tenant has any chunk. By primary key. */
export async function hasChunks(db: Sql): Promise<boolean> {
  const found = await sql<{ has: boolean }>`select exists (select from knowledge.chunk where tenant_id = ${currentTenantId()}) as has`.execute(db);
  return found.rows[0]?.has ?? false;
}
