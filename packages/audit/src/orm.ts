import { domainOrm, kernelDomain } from '@agent-hive/kernel';
import { EntrySchema } from './entry.entity.js';
import { DataKeySchema } from './encryption/data-key.entity.js';
import { migrations } from './migrations/index.js';
import { CheckpointSchema } from './sealing/checkpoint.entity.js';
import { LeafSchema } from './sealing/leaf.entity.js';
import { NodeSchema } from './sealing/node.entity.js';
import { SigningKeySchema } from './sealing/signing-key.entity.js';

/** Schema `audit`: the record and its seals. */
export const auditDomain = domainOrm({
  name: 'audit',
  entities: [EntrySchema, LeafSchema, NodeSchema, CheckpointSchema, SigningKeySchema, DataKeySchema],
  upstream: [kernelDomain],
  migrations,
});
