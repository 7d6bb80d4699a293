import { defineEntity, p } from '@mikro-orm/postgresql';
import { moment, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** The signed root of a tenant's log at one size. Each names the hash of the one before, so that none can be taken out or changed alone. */
export const CheckpointSchema = defineEntity({
  name: 'Checkpoint',
  schema: 'audit',
  tableName: 'checkpoint',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    /** How many leaves it covers. */
    size: p.bigint('number').primary(),
    /** RFC 6962 root over the leaves 1 to `size`. */
    root: p.blob(),
    /** Hash of the checkpoint before, its signature included; null in a tenant's first. */
    previous: p.blob().nullable(),
    sealedAt: moment(),
    keyId: p.text(),
    /** Ed25519. */
    signature: p.blob(),
  },
  checks: [
    { name: 'checkpoint_size_check', expression: 'size >= 1' },
    { name: 'checkpoint_hashes_check', expression: 'octet_length(root) = 32 and octet_length(previous) = 32' },
    { name: 'checkpoint_key_id_check', expression: `key_id ~ '^[0-9a-f]{16}$'` },
    { name: 'checkpoint_signature_check', expression: 'octet_length(signature) = 64' },
  ],
});

export class Checkpoint extends CheckpointSchema.class {}
CheckpointSchema.setClass(Checkpoint);
