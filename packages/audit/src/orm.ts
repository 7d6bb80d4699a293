import { domainOrm, kernelDomain } from '@agent-hive/kernel';
import { ArchiveSchema } from './archive/archive.entity.js';
import { DataKeySchema } from './encryption/data-key.entity.js';
import { EntrySchema } from './entry.entity.js';
import { ErasureSchema } from './erasure/erasure.entity.js';
import { LegalHoldSchema } from './hold/legal-hold.entity.js';
import { MetricDaySchema } from './metric/metric-day.entity.js';
import { PerformanceMetricSchema } from './metric/performance-metric.entity.js';
import { ReviewRuleSchema } from './review/review-rule.entity.js';
import { SuggestionSchema } from './review/suggestion.entity.js';
import { migrations } from './migrations/index.js';
import { RetentionLockSchema } from './retention/retention-lock.entity.js';
import { RetentionPolicySchema } from './retention/retention-policy.entity.js';
import { RetentionRunSchema } from './retention/retention-run.entity.js';
import { CheckpointSchema } from './sealing/checkpoint.entity.js';
import { LeafSchema } from './sealing/leaf.entity.js';
import { NodeSchema } from './sealing/node.entity.js';
import { SigningKeySchema } from './sealing/signing-key.entity.js';
import { WebhookCursorSchema } from './webhook/webhook-cursor.entity.js';
import { WebhookDeliverySchema } from './webhook/webhook-delivery.entity.js';
import { WebhookSchema } from './webhook/webhook.entity.js';

/** Schema `audit`: the record with its seals, webhooks, and what was measured. */
export const auditDomain = domainOrm({
  name: 'audit',
  entities: [
    EntrySchema, LeafSchema, NodeSchema, CheckpointSchema, SigningKeySchema, DataKeySchema, RetentionPolicySchema, RetentionLockSchema, RetentionRunSchema,
    LegalHoldSchema, ArchiveSchema, ErasureSchema, WebhookSchema, WebhookCursorSchema, WebhookDeliverySchema, PerformanceMetricSchema,
    MetricDaySchema, ReviewRuleSchema, SuggestionSchema,
  ],
  upstream: [kernelDomain],
  migrations,
});
