import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { constraintName, currentTenantId, decodeCursor, decodeIdCursor, Invalid, isUniqueViolation, newId, NotFound, pageOf, Refused, tenantRead, tenantSql, transactional, type Page, type Sql } from '@agent-hive/kernel';
import { countChunks, selectChunks } from '../chunk/chunk.sql.js';
import { isVisible } from '../memory/visibility.js';
import { selectItem } from '../usage/usage.sql.js';
import { Embedders } from './embedders.provider.js';
import { EmbeddingModelDto, type ChunkDto, type ChunkPage, type ChunkQuery, type CreateEmbeddingModelDto, type EmbeddingModelQuery, type PutVectorsDto, type VectorsStoredDto } from './embedding-model.dto.js';
import { EmbeddingModel } from './embedding-model.entity.js';
import { countModels, insertModel, insertPending, recordReindex, selectModel, selectModels, type ModelRow } from './embedding-model.sql.js';
import { storeVectors } from './embedding.sql.js';
import { NoVector, unitVector } from './vector.js';

/** The models of a tenant, and vectors that callers bring. */
@Injectable()
export class EmbeddingModelsService {
  constructor(
    private readonly em: EntityManager,
    private readonly embedders: Embedders,
  ) {}

  /** One model with its progress. Throws NotFound. */
  async get(id: string): Promise<EmbeddingModelDto> {
    return tenantRead(this.em, (db) => read(db, id));
  }

  /** A page of models with their progress, newest first. */
  async list(query: EmbeddingModelQuery): Promise<Page<EmbeddingModelDto>> {
    const before = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const page: Page<EmbeddingModelDto> = pageOf(await selectModels(db, query, before), query.limit, (row) => [row.id], (row) => EmbeddingModelDto.of(row));
      if (query.total) page.total = await countModels(db);
      return page;
    });
  }

  /** Adds a model, which begins to embed what there is. Throws Refused when the name is taken, Invalid when its provider is not configured. */
  async create(input: CreateEmbeddingModelDto): Promise<EmbeddingModelDto> {
    if (input.provider === 'http' && !this.embedders.of('http')) {
      const message = 'provider http needs a service: HIVE_EMBEDDINGS_URL and HIVE_EMBEDDINGS_MODEL are not configured';
      throw new Invalid(message, [{ pointer: '/provider', message, allowed: ['lexical', 'caller'] }]);
    }
    return transactional(this.em, async (em) => {
      const present = await tenantSql(em, (db) => selectModel(db, {}));
      const isDefault = input.isDefault ?? present === undefined;
      if (isDefault && present) await this.unsetDefault(em);
      const model: ModelRow = { id: newId(), name: input.name, dimensions: input.dimensions, provider: input.provider, is_default: isDefault, last_error: null, retry_at: null };
      try {
        await tenantSql(em, (db) => insertModel(db, model, new Date()));
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        throw constraintName(error) === 'embedding_model_name_unique' ? new Refused(`There is an embedding model named ${input.name}`, 'conflict') : new Refused('Another model became the default one just now: try again', 'conflict');
      }
      return tenantSql(em, (db) => read(db, model.id));
    });
  }

  /** Makes a model the one that search uses when told nothing. Throws NotFound. */
  async makeDefault(id: string): Promise<EmbeddingModelDto> {
    return transactional(this.em, async (em) => {
      const model = await em.findOne(EmbeddingModel, { tenantId: currentTenantId(), id });
      if (!model) throw new NotFound('embedding model', id);
      if (!model.isDefault) {
        await this.unsetDefault(em);
        model.isDefault = true;
        await em.flush();
      }
      return tenantSql(em, (db) => read(db, id));
    });
  }

  /** Deletes a model with its vectors. Throws NotFound, or Refused while it is the default one and there are others. */
  async delete(id: string): Promise<void> {
    await transactional(this.em, async (em) => {
      const model = await em.findOne(EmbeddingModel, { tenantId: currentTenantId(), id });
      if (!model) throw new NotFound('embedding model', id);
      if (model.isDefault && (await tenantSql(em, (db) => countModels(db))) > 1) throw new Refused(`embedding model ${id} is the default one: make another so by PUT /v1/embedding-models/{id}/default`, 'in-use');
      await em.remove(model).flush();
    });
  }

  /** Has a model embed everything again, in the background. Throws NotFound, or Refused of vectors that callers bring. */
  async reindex(id: string): Promise<EmbeddingModelDto> {
    return tenantSql(this.em, async (db) => {
      const model = await requireModel(db, id);
      if (model.provider === 'caller') throw new Refused(`Vectors of embedding model ${id} are brought by callers: POST /v1/embedding-models/${id}/embeddings`, 'caller-embeds');
      await recordReindex(db, id, await insertPending(db, id, 'all'));
      return read(db, id);
    });
  }

  /** Stores vectors that the caller has computed. Throws NotFound on model or chunk, Invalid on what is no vector of the model. */
  async putVectors(id: string, { items }: PutVectorsDto): Promise<VectorsStoredDto> {
    return tenantSql(this.em, async (db) => {
      const model = await requireModel(db, id);
      const vectors = new Map(items.map((item, i) => [item.chunkId.toLowerCase(), requireVector(item.embedding, model, `/items/${i}/embedding`)]));
      if (vectors.size < items.length) throw new Invalid('items must name each chunk once', [{ pointer: '/items', message: 'must name each chunk once' }]);
      const count = await storeVectors(db, model, [...vectors].map(([chunkId, vector]) => ({ chunkId, vector })), new Date());
      if (count < items.length) throw new NotFound('chunk', `${items.length - count} of the ${items.length} given`);
      return { count };
    });
  }

  /** The chunks of an item, in their order. Throws NotFound on an item that the caller cannot see. */
  async listChunks({ itemId, limit, cursor, total }: ChunkQuery): Promise<ChunkPage> {
    const after = decodeCursor(cursor, 1)?.[0] ?? -1;
    if (typeof after !== 'number' || !Number.isInteger(after) || Math.abs(after) > 2_147_483_647) throw new Invalid('cursor is not one that this list gave out', [{ pointer: '/cursor', message: 'must be the nextCursor of an earlier page' }]);
    return tenantRead(this.em, async (db) => {
      const item = await selectItem(db, itemId);
      if (!item || !isVisible(item)) throw new NotFound('document or memory', itemId);
      const rows = await selectChunks(db, { kind: item.kind, id: itemId }, limit, after);
      const page: ChunkPage = pageOf(rows, limit, (row) => [row.position], (row): ChunkDto => ({
        id: row.id, position: row.position, heading: row.heading, content: row.content, startOffset: row.start_offset, endOffset: row.end_offset, tokenCount: row.token_count,
      }));
      if (total) page.total = await countChunks(db, { kind: item.kind, id: itemId });
      return page;
    });
  }

  /** Written before its successor, since the index allows one default at a time. */
  private async unsetDefault(em: EntityManager): Promise<void> {
    for (const model of await em.find(EmbeddingModel, { tenantId: currentTenantId(), isDefault: true })) model.isDefault = false;
    await em.flush();
  }
}

/** The vector of a caller, of length 1. Throws Invalid naming what is wrong. */
export function requireVector(values: unknown, { dimensions, name }: ModelRow, pointer: string): number[] {
  try {
    return unitVector(values, dimensions);
  } catch (error) {
    if (!(error instanceof NoVector)) throw error;
    const message = `${pointer.slice(1)} ${error.message.replace('the model', `the model ${name}`)}`;
    throw new Invalid(message, [{ pointer, message }]);
  }
}

async function requireModel(db: Sql, id: string): Promise<ModelRow> {
  const model = await selectModel(db, { id });
  if (!model) throw new NotFound('embedding model', id);
  return model;
}

async function read(db: Sql, id: string): Promise<EmbeddingModelDto> {
  const [row] = await selectModels(db, { limit: 1, id }, undefined);
  if (!row) throw new NotFound('embedding model', id);
  return EmbeddingModelDto.of(row);
}
