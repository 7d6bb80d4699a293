import { defineEntity, p } from '@mikro-orm/postgresql';
import { moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { RISKS, type Risk } from '../entry.entity.js';

/**
 * A sealed entry: its place in the tenant's log, and all that the log says of it for ever. Leaves are only added, without a gap in
 * their sequence, and outlive their entries: when an entry is archived or erased, its leaf still proves that it was there.
 */
export const LeafSchema = defineEntity({
  name: 'Leaf',
  schema: 'audit',
  tableName: 'leaf',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    /** 1, 2, 3 ... in the order of sealing. It is the cursor of the event feed too. */
    sequence: p.bigint('number').primary(),
    entryId: p.uuid(),
    occurredAt: moment(),
    action: p.text(),
    subjectType: p.text(),
    subjectId: p.text(),
    risk: p.text().$type<Risk>().nullable(),
    /** 16 random bytes in front of the payload's hash; null once the payload is erased, so that nobody can guess it from the hash. */
    salt: p.blob().nullable(),
    /** sha256(salt || payload). */
    payloadHash: p.blob(),
    /** sha256(0x00 || leaf). */
    leafHash: p.blob(),
    sealedAt: moment(),
  },
  uniques: [{ name: 'leaf_entry_id_unique', properties: ['tenantId', 'entryId'] }],
  checks: [
    { name: 'leaf_sequence_check', expression: 'sequence >= 1' },
    { name: 'leaf_risk_check', expression: oneOf('risk', RISKS) },
    { name: 'leaf_salt_check', expression: 'octet_length(salt) = 16' },
    { name: 'leaf_hashes_check', expression: 'octet_length(payload_hash) = 32 and octet_length(leaf_hash) = 32' },
  ],
});

export class Leaf extends LeafSchema.class {}
LeafSchema.setClass(Leaf);
