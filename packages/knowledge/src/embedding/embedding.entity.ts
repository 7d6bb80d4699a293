import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { Chunk } from '../chunk/chunk.entity.js';
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
    dimensions: p.integer(),
    embedding: p.text().columnType('halfvec'),
    createdAt: createdAt(),
  },
  indexes: [
    { name: 'embedding_model_index', expression: 'create index "embedding_model_index" on "knowledge"."embedding" ("tenant_id", "model_id", "chunk_id")' },
    { name: 'embedding_1536_index', expression: 'create index "embedding_1536_index" on "knowledge"."embedding" using hnsw (("embedding"::halfvec(1536)) halfvec_cosine_ops) where dimensions = 1536' },
  ],
  checks: [{ name: 'embedding_dimensions_check', expression: 'dimensions between 1 and 4000' }],
});

export class Embedding extends EmbeddingSchema.class {}
EmbeddingSchema.setClass(Embedding);
