import { defineEntity, p } from '@mikro-orm/postgresql';
import { tenantId, tenantSecurity } from '@agent-hive/kernel';

/**
 * The hash over a full subtree of 16, 256, 4096 ... leaves (levels 4, 8, 12 ...), so that a proof reads some rows in place of all
 * leaves. Node 0 of a level is over its first leaves. A full subtree never changes: nodes are only added.
 */
export const NodeSchema = defineEntity({
  name: 'Node',
  schema: 'audit',
  tableName: 'node',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    level: p.smallint().primary(),
    nodeIndex: p.bigint('number').primary(),
    hash: p.blob(),
  },
  checks: [
    { name: 'node_level_check', expression: 'level between 4 and 60 and level % 4 = 0' },
    { name: 'node_node_index_check', expression: 'node_index >= 0' },
    { name: 'node_hash_check', expression: 'octet_length(hash) = 32' },
  ],
});

export class Node extends NodeSchema.class {}
NodeSchema.setClass(Node);
