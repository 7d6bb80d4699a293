import { domainOrm, kernelDomain } from '@agent-hive/kernel';
import { EntrySchema } from './entry.entity.js';
import { migrations } from './migrations/index.js';
import { CheckpointSchema } from './sealing/checkpoint.entity.js';
import { LeafSchema } from './sealing/leaf.entity.js';
import { NodeSchema } from './sealing/node.entity.js';
import { SigningKeySchema } from './sealing/signing-key.entity.js';
import { WebhookCursorSchema } from './webhook/webhook-cursor.entity.js';
import { WebhookDeliverySchema } from './webhook/webhook-delivery.entity.js';
import { WebhookSchema } from './webhook/webhook.entity.js';

/** Schema `audit`: the record with its seals, and webhooks. */
export const auditDomain = domainOrm({
  name: 'audit',
  entities: [EntrySchema, LeafSchema, NodeSchema, CheckpointSchema, SigningKeySchema, WebhookSchema, WebhookCursorSchema, WebhookDeliverySchema],
  upstream: [kernelDomain],
  migrations,
});
