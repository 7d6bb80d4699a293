import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, moment } from '@agent-hive/kernel';

/** Public half of a key that has signed checkpoints, of all tenants. At most one is not retired. */
export const SigningKeySchema = defineEntity({
  name: 'SigningKey',
  schema: 'audit',
  tableName: 'signing_key',
  properties: {
    /** The first 16 hexadecimal digits of sha256(publicKey). */
    id: p.text().primary(),
    /** Ed25519, 32 bytes (RFC 8032). */
    publicKey: p.blob(),
    createdAt: createdAt(),
    retiredAt: moment().nullable(),
  },
  uniques: [{ name: 'signing_key_active_unique', expression: 'create unique index "signing_key_active_unique" on "audit"."signing_key" ((retired_at is null)) where retired_at is null' }],
  checks: [
    { name: 'signing_key_id_check', expression: `id = left(encode(sha256(public_key), 'hex'), 16)` },
    { name: 'signing_key_public_key_check', expression: 'octet_length(public_key) = 32' },
    { name: 'signing_key_retired_at_check', expression: 'retired_at >= created_at' },
  ],
});

export class SigningKey extends SigningKeySchema.class {}
SigningKeySchema.setClass(SigningKey);
