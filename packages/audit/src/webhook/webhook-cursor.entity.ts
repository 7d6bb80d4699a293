import { defineEntity, p } from '@mikro-orm/postgresql';
import { tenantId, tenantSecurity } from '@agent-hive/kernel';
import { Webhook } from './webhook.entity.js';

/**
 * Where a webhook is in the feed. It moves in the transaction that makes the deliveries, so that none is left out. Its row is also
 * the lock of the webhook's deliveries: which of a subject's comes next is decided by one at a time.
 */
export const WebhookCursorSchema = defineEntity({
  name: 'WebhookCursor',
  schema: 'audit',
  tableName: 'webhook_cursor',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    webhook: () => p.manyToOne(Webhook).primary().joinColumns('tenant_id', 'webhook_id').ownColumns('webhook_id').deleteRule('cascade').updateRule('no action').ref(),
    /** Up to here events have become deliveries. */
    sequence: p.bigint('number'),
    /** Attempts that have failed since the last that succeeded. */
    failures: p.integer(),
  },
  checks: [
    { name: 'webhook_cursor_sequence_check', expression: 'sequence >= 0' },
    { name: 'webhook_cursor_failures_check', expression: 'failures >= 0' },
  ],
});

export class WebhookCursor extends WebhookCursorSchema.class {}
WebhookCursorSchema.setClass(WebhookCursor);
