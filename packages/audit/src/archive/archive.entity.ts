import { defineEntity, p } from '@mikro-orm/postgresql';
import { id, jsonType, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { RETENTION_CLASSES, type RetentionClass } from '../retention/retention-class.js';

/**
 * Proof that rows left a table by policy: how many, from which id to which, with the digest of what they were. Written in the
 * transaction that deletes them, after the archive, where the policy asks for one, was stored and read back.
 */
export const ArchiveSchema = defineEntity({
  name: 'Archive',
  schema: 'audit',
  tableName: 'archive',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    runId: p.uuid(),
    storeTable: p.text(),
    retentionClass: p.text().$type<RetentionClass>(),
    firstId: p.uuid(),
    lastId: p.uuid(),
    rowCount: p.integer(),
    /** Sequences of the log whose entries left; null for another store than the record. */
    sequences: p.type('int8multirange').$type<string>().nullable(),
    /** sha256 of the file, or of the rows where none was asked for (hexadecimal). */
    digest: p.text(),
    sizeBytes: p.integer(),
    /** Where the file is, in the archive store; null where none was asked for, or once it has expired. */
    location: p.text().nullable(),
    /** Ids of the data keys without which values in the file cannot be read. */
    dataKeyIds: p.json<string[]>().columnType('jsonb'), // uuids, none twice
    /** Size of the log's latest checkpoint at that time; null when nothing was sealed. */
    checkpointSize: p.bigint('number').nullable(),
    createdAt: moment(),
    /** When the file goes, by the policy of the time; null for never. */
    expiresAt: moment().nullable(),
    expiredAt: moment().nullable(),
  },
  indexes: [
    { name: 'archive_store_index', properties: ['tenantId', 'storeTable', 'id'] },
    { name: 'archive_expiry_index', expression: `create index "archive_expiry_index" on "audit"."archive" ("tenant_id", "expires_at") where location is not null and expires_at is not null` },
  ],
  checks: [
    { name: 'archive_retention_class_check', expression: oneOf('retention_class', RETENTION_CLASSES) },
    { name: 'archive_range_check', expression: 'first_id <= last_id and row_count >= 0 and size_bytes >= 0' },
    { name: 'archive_digest_check', expression: `digest ~ '^[0-9a-f]{64}$'` },
    { name: 'archive_expired_check', expression: 'expired_at is null or location is null' },
    { name: 'archive_data_key_ids_check', expression: jsonType('data_key_ids', 'array') },
  ],
});

export class Archive extends ArchiveSchema.class {}
ArchiveSchema.setClass(Archive);
