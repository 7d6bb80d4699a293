import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { KnowledgeDocument } from '../document/document.entity.js';
import { Memory } from '../memory/memory.entity.js';

/**
 * A piece of an item as search finds it: of the current version of a document, or of a memory. Chunks are replaced together, in the
 * transaction that makes the text current.
 */
export const ChunkSchema = defineEntity({
  name: 'Chunk',
  schema: 'knowledge',
  tableName: 'chunk',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    document: () => p.manyToOne(KnowledgeDocument).joinColumns('tenant_id', 'document_id').ownColumns('document_id').deleteRule('cascade').updateRule('no action').ref().nullable(),
    memory: () => p.manyToOne(Memory).joinColumns('tenant_id', 'memory_id').ownColumns('memory_id').deleteRule('cascade').updateRule('no action').ref().nullable(),
    /** 0, 1, 2 ... within the text. */
    position: p.integer(),
    /** Title of the item and the headings that the piece stands under. */
    heading: p.text(),
    content: p.text(),
    /** Where it begins and ends in the text, in UTF-16 code units, as JavaScript counts. */
    startOffset: p.integer(),
    endOffset: p.integer(),
    tokenCount: p.integer(),
    /** Lexemes of heading (weight A) and content, for full text search. */
    words: p.text().columnType('tsvector').generated(`(setweight(to_tsvector('knowledge.prose'::regconfig, heading), 'A') || to_tsvector('knowledge.prose'::regconfig, content)) stored`).nullable().lazy(),
    createdAt: createdAt(),
  },
  indexes: [
    { name: 'chunk_document_index', expression: 'create index "chunk_document_index" on "knowledge"."chunk" ("tenant_id", "document_id", "position") where document_id is not null' },
    { name: 'chunk_memory_index', expression: 'create index "chunk_memory_index" on "knowledge"."chunk" ("tenant_id", "memory_id", "position") where memory_id is not null' },
    { name: 'chunk_words_index', expression: 'create index "chunk_words_index" on "knowledge"."chunk" using gin ("tenant_id", "words") with (gin_pending_list_limit = 64)' },
    { name: 'chunk_content_index', expression: 'create index "chunk_content_index" on "knowledge"."chunk" using gin ("tenant_id", "content" gin_trgm_ops)' },
  ],
  checks: [
    { name: 'chunk_owner_check', expression: 'num_nonnulls(document_id, memory_id) = 1' },
    { name: 'chunk_place_check', expression: 'position >= 0 and start_offset >= 0 and end_offset > start_offset and token_count >= 0' },
  ],
});

export class Chunk extends ChunkSchema.class {}
ChunkSchema.setClass(Chunk);
