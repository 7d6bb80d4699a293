import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, moment, oneOf, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { MARK } from '../usage/mark.js';

/** How a document's text is written; it decides where chunks may begin. */
export const FORMATS = ['markdown', 'text', 'json', 'code'] as const;
export type Format = (typeof FORMATS)[number];

/**
 * A document of the tenant: a name in a category, and versions of its text. What is said of it changes under its version, its
 * text by a new document version only. Figures of its use move neither.
 */
export const DocumentSchema = defineEntity({
  name: 'KnowledgeDocument',
  schema: 'knowledge',
  tableName: 'document',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    name: p.text(),
    title: p.text(),
    category: p.text(),
    format: p.text().$type<Format>(),
    tags: p.json<string[]>().columnType('jsonb'), // texts, each once
    documentMetadata: p.json<Record<string, unknown>>().columnType('jsonb'), // the caller's own
    /** Number of the newest version, which is the one that search finds. */
    currentVersion: p.integer(),
    usageCount: p.integer().default(0),
    helpfulCount: p.integer().default(0),
    lastUsedAt: moment().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  uniques: [{ name: 'document_category_name_unique', properties: ['tenantId', 'category', 'name'] }],
  indexes: [
    { name: 'document_name_index', expression: 'create index "document_name_index" on "knowledge"."document" ("tenant_id", "name", "id")' },
    { name: 'document_category_index', expression: 'create index "document_category_index" on "knowledge"."document" ("tenant_id", "category", "id")' },
    { name: 'document_tags_index', expression: 'create index "document_tags_index" on "knowledge"."document" using gin ("tenant_id", "tags")' },
  ],
  checks: [
    { name: 'document_name_check', expression: 'length(name) between 1 and 500' },
    { name: 'document_title_check', expression: 'length(title) between 1 and 500' },
    { name: 'document_category_check', expression: 'length(category) between 1 and 100' },
    { name: 'document_format_check', expression: oneOf('format', FORMATS) },
    { name: 'document_tags_check', expression: jsonType('tags', 'array') },
    { name: 'document_document_metadata_check', expression: jsonType('document_metadata', 'object') },
    { name: 'document_current_version_check', expression: 'current_version >= 1' },
    { name: 'document_usage_check', expression: MARK },
  ],
});

export class KnowledgeDocument extends DocumentSchema.class {}
DocumentSchema.setClass(KnowledgeDocument);
