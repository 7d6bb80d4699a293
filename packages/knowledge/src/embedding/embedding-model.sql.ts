import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { EmbeddingModelRow } from './embedding-model.dto.js';
import type { Provider } from './embedding-model.entity.js';

/** So many failures, and a chunk is left alone until the next reindexing. */
export const ATTEMPTS_MAX = 5;

/** A model as search and the job need it. */
export interface ModelRow {
  id: string;
  name: string;
  dimensions: number;
  provider: Provider;
  is_default: boolean;
  last_error: string | null;
  retry_at: Date | string | null;
}

const COLUMNS = sql`m.id, m.name, m.dimensions, m.provider, m.is_default, m.last_error, m.retry_at`;

/** Counted by the indexes that begin with the model. */
const PROGRESS = sql`
  (select count(*) from knowledge.embedding e where e.tenant_id = m.tenant_id and e.model_id = m.id) as embedded_count,
  (select count(*) from knowledge.pending_embedding p where p.tenant_id = m.tenant_id and p.model_id = m.id) as pending_count,
  (select count(*) from knowledge.pending_embedding p where p.tenant_id = m.tenant_id and p.model_id = m.id and p.attempts >= ${ATTEMPTS_MAX}) as failed_count`;

/**
 * Until the transaction ends, keeps new models from those who add chunks (`shared`), and both from whoever adds a model: else neither
 * would see the other, and a chunk would wait until it is looked for chunks that were left out, which is what makes sure of them.
 */
export async function lockModels(db: Sql, mode: 'shared' | 'exclusive'): Promise<void> {
  await sql`select ${sql.raw(mode === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock')}(hashtextextended('knowledge.embedding_model ' || ${currentTenantId()}::text, 0))`.execute(db);
}

/** Writes a model with its entry, and has it embed all chunks that there are. Breaks embedding_model_name_unique and, where another is, embedding_model_default_unique. */
export async function insertModel(db: Sql, { id, name, dimensions, provider, is_default: isDefault }: ModelRow, now: Date): Promise<void> {
  await lockModels(db, 'exclusive');
  await sql`
    with entry as (${insertEntry({ action: 'embedding_model.created', subjectType: 'embedding_model', subjectId: id, newState: { name, dimensions, provider, isDefault } })})
    insert into knowledge.embedding_model (tenant_id, id, name, dimensions, provider, is_default, created_at)
    values (${currentTenantId()}, ${id}, ${name}, ${dimensions}, ${provider}, ${isDefault}, ${now})`.execute(db);
  if (provider !== 'caller') await insertPending(db, id, 'all');
}

/** Has a model embed chunks: all of them, or those that have no vector and wait for none. A walk over the tenant's chunks. Returns how many. */
export async function insertPending(db: Sql, modelId: string, which: 'all' | 'missing'): Promise<number> {
  const missing = sql`and not exists (select from knowledge.embedding e where e.tenant_id = c.tenant_id and e.chunk_id = c.id and e.model_id = ${modelId})`;
  const made = await sql`
    insert into knowledge.pending_embedding (tenant_id, model_id, chunk_id, attempts)
    select c.tenant_id, ${modelId}::uuid, c.id, 0 from knowledge.chunk c where c.tenant_id = ${currentTenantId()} ${which === 'all' ? sql`` : missing}
    on conflict (tenant_id, model_id, chunk_id) ${which === 'all' ? sql`do update set attempts = 0` : sql`do nothing`}`.execute(db);
  return Number(made.numAffectedRows ?? 0);
}

/** Makes a reindexing known to the record, and lets the model be tried at once. By primary key. */
export async function recordReindex(db: Sql, modelId: string, pending: number): Promise<void> {
  await sql`
    with entry as (${insertEntry({ action: 'embedding_model.reindexed', subjectType: 'embedding_model', subjectId: modelId, details: { pending } })})
    update knowledge.embedding_model set retry_at = null where tenant_id = ${currentTenantId()} and id = ${modelId}`.execute(db);
}

/** One model by id, name or, with neither, the default one; each has its index. */
export async function selectModel(db: Sql, by: { id?: string; name?: string }): Promise<ModelRow | undefined> {
  const which = by.id !== undefined ? sql`m.id = ${by.id}` : by.name !== undefined ? sql`m.name = ${by.name}` : sql`m.is_default`;
  const found = await sql<ModelRow>`select ${COLUMNS} from knowledge.embedding_model m where m.tenant_id = ${currentTenantId()} and ${which}`.execute(db);
  return found.rows[0];
}

/** Models whose vectors the hive computes and whose turn has come; there are few. */
export async function selectWorkingModels(db: Sql, now: Date): Promise<ModelRow[]> {
  const found = await sql<ModelRow>`
    select ${COLUMNS} from knowledge.embedding_model m
     where m.tenant_id = ${currentTenantId()} and m.provider <> 'caller' and (m.retry_at is null or m.retry_at <= ${now}) order by m.is_default desc, m.id`.execute(db);
  return found.rows;
}

/** A page of models with their progress, newest first, with one more than it holds. */
export async function selectModels(db: Sql, { limit, id }: { limit: number; id?: string }, before: string | undefined): Promise<EmbeddingModelRow[]> {
  const older: RawBuilder<unknown> = before === undefined ? sql`true` : sql`m.id < ${before}::uuid`;
  const found = await sql<EmbeddingModelRow>`
    select ${COLUMNS}, m.created_at, ${PROGRESS} from knowledge.embedding_model m
     where m.tenant_id = ${currentTenantId()} and ${id === undefined ? sql`true` : sql`m.id = ${id}`} and ${older} order by m.id desc limit ${limit + 1}`.execute(db);
  return found.rows;
}

/** How many models there are. */
export async function countModels(db: Sql): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from knowledge.embedding_model where tenant_id = ${currentTenantId()}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** What came of an attempt: a failure is kept until a success, and nothing is tried before `retryAt`. A figure about the service, not a change of the tenant's. */
export async function setOutcome(db: Sql, modelId: string, { error, retryAt }: { error: string | null; retryAt: Date | null }): Promise<void> {
  await sql`
    update knowledge.embedding_model set last_error = ${error}, retry_at = ${retryAt}
     where tenant_id = ${currentTenantId()} and id = ${modelId} and (last_error is distinct from ${error} or retry_at is distinct from ${retryAt}::timestamptz)`.execute(db);
}
