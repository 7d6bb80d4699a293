import { defineEntity, p } from '@mikro-orm/postgresql';
import { id, moment, tenantId, tenantSecurity } from '@agent-hive/kernel';

/**
 * A key that encrypts columns of one tenant, itself encrypted (wrapped) by a key-encryption key, which is never in the database.
 * One is active; a retired one still decrypts until nothing is left of it, and then its wrapped form is destroyed.
 */
export const DataKeySchema = defineEntity({
  name: 'DataKey',
  schema: 'audit',
  tableName: 'data_key',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    wrapped: p.text().nullable(), // base64url of nonce, ciphertext and tag; null once it is destroyed
    wrappedBy: p.text(), // id of the key-encryption key
    createdAt: moment(),
    retiredAt: moment().nullable(),
    destroyedAt: moment().nullable(),
  },
  indexes: [{ name: 'data_key_active_unique', expression: `create unique index "data_key_active_unique" on "audit"."data_key" ("tenant_id") where retired_at is null` }],
  checks: [
    { name: 'data_key_wrapped_by_check', expression: `wrapped_by ~ '^[0-9a-f]{16}$'` },
    { name: 'data_key_destroyed_check', expression: '(wrapped is null) = (destroyed_at is not null) and (destroyed_at is null or retired_at is not null)' },
  ],
});

export class DataKey extends DataKeySchema.class {}
DataKeySchema.setClass(DataKey);
