import { defineEntity, p } from '@mikro-orm/postgresql';
import { tenantId, tenantSecurity } from '@agent-hive/kernel';
import { Chunk } from '../chunk/chunk.entity.js';
import { EmbeddingModel } from './embedding-model.entity.js';

/** A vector that is still to be computed: written in the transaction of the chunk, gone in that of the vector. */
export const PendingEmbeddingSchema = defineEntity({
  name: 'PendingEmbedding',
  schema: 'knowledge',
  tableName: 'pending_embedding',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    model: () => p.manyToOne(EmbeddingModel).joinColumns('tenant_id', 'model_id').ownColumns('model_id').deleteRule('cascade').updateRule('no action').ref().primary(),
    chunk: () => p.manyToOne(Chunk).joinColumns('tenant_id', 'chunk_id').ownColumns('chunk_id').deleteRule('cascade').updateRule('no action').ref().primary(),
    /** How often it failed. One that has is tried alone, so that it fails no others; after five times it is left. */
    attempts: p.integer(),
  },
  indexes: [
    { name: 'pending_embedding_next_index', expression: 'create index "pending_embedding_next_index" on "knowledge"."pending_embedding" ("tenant_id", "model_id", "attempts", "chunk_id")' },
    { name: 'pending_embedding_chunk_index', expression: 'create index "pending_embedding_chunk_index" on "knowledge"."pending_embedding" ("tenant_id", "chunk_id")' },
  ],
  checks: [{ name: 'pending_embedding_attempts_check', expression: 'attempts >= 0' }],
});

export class PendingEmbedding extends PendingEmbeddingSchema.class {}
PendingEmbeddingSchema.setClass(PendingEmbedding);
