import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { KnowledgeDocument } from './document.entity.js';

/** One text of a document. It is written once and never changes; numbers are 1, 2, 3 ... within the document. */
export const DocumentVersionSchema = defineEntity({
  name: 'DocumentVersion',
  schema: 'knowledge',
  tableName: 'document_version',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    document: () => p.manyToOne(KnowledgeDocument).joinColumns('tenant_id', 'document_id').ownColumns('document_id').deleteRule('cascade').updateRule('no action').ref().primary(),
    number: p.integer().primary(),
    content: p.text(),
    /** sha256 of the content as UTF-8, in hexadecimal. */
    digest: p.text(),
    sizeBytes: p.integer(),
    /** By the counter that sizes chunks. */
    tokenCount: p.integer(),
    summary: p.text().nullable(),
    /** The version whose text this one brought back. */
    restoredFrom: p.integer().nullable(),
    createdByName: p.text(),
    createdAt: createdAt(),
  },
  checks: [
    { name: 'document_version_number_check', expression: 'number >= 1' },
    { name: 'document_version_digest_check', expression: `digest ~ '^[0-9a-f]{64}$'` },
    { name: 'document_version_size_bytes_check', expression: 'size_bytes >= 1 and token_count >= 0' },
    { name: 'document_version_summary_check', expression: 'length(summary) <= 2000' },
    { name: 'document_version_restored_from_check', expression: 'restored_from between 1 and number - 1' },
  ],
});

export class DocumentVersion extends DocumentVersionSchema.class {}
DocumentVersionSchema.setClass(DocumentVersion);
