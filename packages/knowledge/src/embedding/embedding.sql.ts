import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { ATTEMPTS_MAX, type ModelRow } from './embedding-model.sql.js';
import { vectorText } from './vector.js';

/** A chunk whose vector is to be computed. */
export interface PendingRow {
  chunk_id: string;
  attempts: number;
  heading: string;
  content: string;
}

/** The next chunks of a model, those that never failed first. By pending_embedding_next_index. */
export async function selectPending(db: Sql, modelId: string, limit: number): Promise<PendingRow[]> {
  const found = await sql<PendingRow>`
    select p.chunk_id, p.attempts, c.heading, c.content from knowledge.pending_embedding p join knowledge.chunk c on c.tenant_id = p.tenant_id and c.id = p.chunk_id
     where p.tenant_id = ${currentTenantId()} and p.model_id = ${modelId} and p.attempts < ${ATTEMPTS_MAX} order by p.attempts, p.chunk_id limit ${limit}`.execute(db);
  return found.rows;
}

/**
 * Stores vectors of length 1 in place of those that there are, with one entry for all, and strikes them off the list. Chunks that
 * were replaced meanwhile are passed over. Returns how many were stored.
 */
export async function storeVectors(db: Sql, model: ModelRow, items: readonly { chunkId: string; vector: readonly number[] }[], now: Date): Promise<number> {
  const tenantId = currentTenantId();
  const entry = insertEntry({ action: 'embedding_model.embedded', subjectType: 'embedding_model', subjectId: model.id }, 'told', { newState: sql`jsonb_build_object('chunks', told.count)` });
  const found = await sql<{ count: string | number }>`
    with given as (
      select chunk_id, vector from unnest(${items.map((item) => item.chunkId)}::uuid[], ${items.map((item) => vectorText(item.vector))}::text[]) as given(chunk_id, vector)
    ), known as (
      select c.id, case when c.document_id is null then 'memory' else 'document' end as item_kind, coalesce(c.document_id, c.memory_id) as item_id
        from knowledge.chunk c where c.tenant_id = ${tenantId} and c.id in (select chunk_id from given) for key share
    ), stored as (
      insert into knowledge.embedding (tenant_id, chunk_id, model_id, item_kind, item_id, dimensions, embedding, created_at)
      select ${tenantId}::uuid, given.chunk_id, ${model.id}::uuid, known.item_kind, known.item_id, ${model.dimensions}::int, given.vector::halfvec, ${now}::timestamptz from given join known on known.id = given.chunk_id
      on conflict (tenant_id, chunk_id, model_id) do update set embedding = excluded.embedding, dimensions = excluded.dimensions, created_at = excluded.created_at
      returning chunk_id
    ), done as (
      delete from knowledge.pending_embedding p where p.tenant_id = ${tenantId} and p.model_id = ${model.id} and p.chunk_id in (select chunk_id from given)
    ), told as (
      select count(*) as count from stored having count(*) > 0
    ), entry as (${entry})
    select count(*) as count from stored`.execute(db);
  return Number(found.rows[0]!.count);
}

/** Counts a failure of each of the chunks in a model; by primary key. */
export async function countFailure(db: Sql, modelId: string, chunkIds: readonly string[]): Promise<void> {
  await sql`
    update knowledge.pending_embedding set attempts = attempts + 1
     where tenant_id = ${currentTenantId()} and model_id = ${modelId} and chunk_id = any (${[...chunkIds]}::uuid[])`.execute(db);
}
