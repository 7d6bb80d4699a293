import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
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
 * Gives an item these chunks in place of those it has, and has each model that the hive computes embed them. Derived from the
 * text whose entry the caller writes, so there is none for each. Under the lock of the item, by its index.
 */
export async function replaceChunks(db: Sql, item: { kind: ItemKind; id: string }, pieces: readonly Piece[], now: Date): Promise<void> {
  const tenantId = currentTenantId();
  await sql`delete from knowledge.chunk where tenant_id = ${tenantId} and ${ownerOf(item.kind)} = ${item.id}`.execute(db);
  for (const some of inStatements(pieces)) {
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
