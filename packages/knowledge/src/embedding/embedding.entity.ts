import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { Chunk } from '../chunk/chunk.entity.js';
import { ITEM_KINDS, type ItemKind } from '../usage/usage.entity.js';
import { EmbeddingModel } from './embedding-model.entity.js';

/**
 * The vector of a chunk in a model, of length 1. Its column has no fixed number of dimensions, since models differ; those of 1536
 * have an HNSW index, all others are compared one by one.
 */
export const EmbeddingSchema = defineEntity({
  name: 'Embedding',
  schema: 'knowledge',
  tableName: 'embedding',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    chunk: () => p.manyToOne(Chunk).joinColumns('tenant_id', 'chunk_id').ownColumns('chunk_id').deleteRule('cascade').updateRule('no action').ref().primary(),
    model: () => p.manyToOne(EmbeddingModel).joinColumns('tenant_id', 'model_id').ownColumns('model_id').deleteRule('cascade').updateRule('no action').ref().primary(),
    /** What the chunk is of, for good: search compares the vectors of an item without a look at its chunks. */
    itemKind: p.text().$type<ItemKind>(),
    itemId: p.uuid(),
    dimensions: p.integer(),
    embedding: p.text().columnType('halfvec'),
    createdAt: createdAt(),
  },
  indexes: [
    { name: 'embedding_item_index', properties: ['tenantId', 'model', 'itemId'] },
    { name: 'embedding_1536_index', expression: 'create index "embedding_1536_index" on "knowledge"."embedding" using hnsw (("embedding"::halfvec(1536)) halfvec_cosine_ops) with (ef_construction = 128) where dimensions = 1536' },
  ],
  checks: [
    { name: 'embedding_dimensions_check', expression: 'dimensions between 1 and 4000' },
    { name: 'embedding_item_kind_check', expression: oneOf('item_kind', ITEM_KINDS) },
  ],
});

export class Embedding extends EmbeddingSchema.class {}
EmbeddingSchema.setClass(Embedding);
