import { Injectable, Logger } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { storableText } from '@agent-hive/agents';
import { currentTenantId, isUniqueViolation, newId, tenantSql, tenantStatement } from '@agent-hive/kernel';
import { hasChunks } from '../chunk/chunk.sql.js';
import { EmbeddingFailed } from './embedder.js';
import { Embedders } from './embedders.provider.js';
import { insertModel, insertPending, selectModel, selectWorkingModels, setOutcome, type ModelRow } from './embedding-model.sql.js';
import { countFailure, selectPending, storeVectors, type PendingRow } from './embedding.sql.js';

/** Chunks that are embedded and stored together. */
const BATCH = 64;

/** A service that failed is left alone this long, by the job and by searches, so that none waits for its timeout one by one. */
const RETRY_AFTER_MS = 30_000;

/** A turn ends after this long, so that other tenants have theirs. */
const TURN_MS = 20_000;

/** How often it is looked for chunks that have no vector and wait for none: they were written while their model was made. */
const LOOK_EVERY_MS = 600_000;

/** The query in a model, or why there is none. */
export type EmbeddedQuery = { vector: number[]; degraded: null } | { vector: null; degraded: string };

/** Computes vectors: of chunks in the background, of queries for search. No transaction is open while an embedder works. */
@Injectable()
export class EmbeddingsService {
  private readonly log = new Logger('Embeddings');
  private readonly looked = new Map<string, number>();

  constructor(
    private readonly em: EntityManager,
    private readonly embedders: Embedders,
  ) {}

  /** The tenant's default model; makes the first one. */
  async defaultModel(): Promise<ModelRow> {
    const present = await tenantStatement(this.em, (db) => selectModel(db, {}));
    if (present) return present;
    const model: ModelRow = { ...this.embedders.default(), id: newId(), is_default: true, last_error: null, retry_at: null };
    try {
      await tenantSql(this.em, (db) => insertModel(db, model, new Date()));
      return model;
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      // Another request made one meanwhile.
      return (await tenantStatement(this.em, (db) => selectModel(db, {}))) ?? model;
    }
  }

  /** A query as a vector, asked for once; a failure is told, kept, and spares the next ones the wait. */
  async embedQuery(model: ModelRow, query: string): Promise<EmbeddedQuery> {
    const embedder = this.embedders.of(model.provider);
    if (!embedder) return { vector: null, degraded: model.provider === 'caller' ? `embedding model ${model.name} takes vectors from callers, and the search has none` : 'no embedding service is configured' };
    if (model.retry_at !== null && new Date(model.retry_at) > new Date()) return { vector: null, degraded: `embedding failed shortly before: ${model.last_error}` };
    try {
      const [vector] = await embedder.embed([query], { model: model.name, dimensions: model.dimensions, isQuery: true });
      return { vector: vector!, degraded: null };
    } catch (error) {
      return { vector: null, degraded: `embedding failed: ${await this.keepFailure(model, error)}` };
    }
  }

  /** Computes what is pending, until all is done, the time of the turn is over, or the signal aborts. Returns how many vectors were stored. */
  async work(signal?: AbortSignal): Promise<number> {
    const until = Date.now() + TURN_MS;
    // A tenant that knows nothing needs no model yet.
    if (!(await tenantStatement(this.em, (db) => hasChunks(db)))) return 0;
    await this.defaultModel();
    let stored = 0;
    for (const model of await tenantStatement(this.em, (db) => selectWorkingModels(db, new Date()))) {
      await this.lookForMissing(model);
      for (;;) {
        if (signal?.aborted || Date.now() > until) return stored;
        const count = await this.embedBatch(model, signal);
        if (count === null) break;
        stored += count;
      }
    }
    return stored;
  }

  /** Embeds the next chunks of a model; null when there are none, or the service fails. */
  private async embedBatch(model: ModelRow, signal?: AbortSignal): Promise<number | null> {
    const embedder = this.embedders.of(model.provider);
    const pending = await tenantStatement(this.em, (db) => selectPending(db, model.id, BATCH));
    const [first] = pending;
    if (!first || !embedder) return null;
    // One that failed with others is tried alone, so that it takes none of them along again.
    const batch = first.attempts > 0 ? [first] : pending.filter((row) => row.attempts === 0);
    try {
      const vectors = await embedder.embed(batch.map(textOf), { model: model.name, dimensions: model.dimensions, isQuery: false, signal });
      return await tenantSql(this.em, async (db) => {
        await setOutcome(db, model.id, { error: null, retryAt: null });
        return storeVectors(db, model, batch.map((row, i) => ({ chunkId: row.chunk_id, vector: vectors[i]! })), new Date());
      });
    } catch (error) {
      if (!(error instanceof EmbeddingFailed)) throw error;
      if (signal?.aborted) return null;
      await this.keepFailure(model, error);
      if (error.isTransient) return null;
      await tenantStatement(this.em, (db) => countFailure(db, model.id, batch.map((row) => row.chunk_id)));
      return 0;
    }
  }

  private async lookForMissing(model: ModelRow): Promise<void> {
    const key = `${currentTenantId()}/${model.id}`;
    const now = Date.now();
    if (now - (this.looked.get(key) ?? 0) < LOOK_EVERY_MS) return;
    await tenantSql(this.em, (db) => insertPending(db, model.id, 'missing'));
    this.looked.set(key, now);
  }

  /** Keeps why it failed; of a service that is away also until when it is left alone. */
  private async keepFailure(model: ModelRow, error: unknown): Promise<string> {
    const message = storableText(error instanceof Error ? error.message : String(error));
    const isTransient = !(error instanceof EmbeddingFailed) || error.isTransient;
    this.log.warn(`Embedding by model ${model.name} failed: ${message}`);
    await tenantStatement(this.em, (db) => setOutcome(db, model.id, { error: message, retryAt: isTransient ? new Date(Date.now() + RETRY_AFTER_MS) : null }));
    return message;
  }
}

const textOf = ({ heading, content }: PendingRow): string => `${heading}\n${content}`;
