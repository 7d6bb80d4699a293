import { agentsDomain } from '@agent-hive/agents';
import { domainOrm } from '@agent-hive/kernel';
import { ChunkSchema } from './chunk/chunk.entity.js';
import { DocumentSchema } from './document/document.entity.js';
import { DocumentVersionSchema } from './document/document-version.entity.js';
import { EmbeddingModelSchema } from './embedding/embedding-model.entity.js';
import { EmbeddingSchema } from './embedding/embedding.entity.js';
import { PendingEmbeddingSchema } from './embedding/pending-embedding.entity.js';
import { MemorySchema } from './memory/memory.entity.js';
import { migrations } from './migrations/index.js';
import { GapSchema } from './search/gap.entity.js';
import { UsageSchema } from './usage/usage.entity.js';

/** Schema `knowledge`: documents and their versions, memories, chunks of both with their vectors, and how they did. */
export const knowledgeDomain = domainOrm({
  name: 'knowledge',
  entities: [DocumentSchema, DocumentVersionSchema, MemorySchema, ChunkSchema, EmbeddingModelSchema, EmbeddingSchema, PendingEmbeddingSchema, UsageSchema, GapSchema],
  upstream: [agentsDomain],
  migrations,
});
