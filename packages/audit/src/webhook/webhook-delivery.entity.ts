import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { Webhook } from './webhook.entity.js';

/** A delivery is tried until the receiver has taken it, or too often. */
export const WEBHOOK_DELIVERY_STATUSES = ['pending', 'delivered', 'dead'] as const;
export type WebhookDeliveryStatus = (typeof WEBHOOK_DELIVERY_STATUSES)[number];

/** One attempt, as the log of the delivery keeps it. */
export interface LoggedAttempt {
  at: string;
  durationMs: number;
  /** Null when there was no answer. */
  statusCode: number | null;
  /** Why it failed; null when it did not. */
  error: string | null;
  /** How the answer begins. */
  response: string | null;
}

/**
 * One event on its way to one webhook. Of a webhook's pending deliveries about one subject, at most one has a
 * `nextAttemptAt`: the others wait for its end, so a subject's events arrive in their order.
 */
export const WebhookDeliverySchema = defineEntity({
  name: 'WebhookDelivery',
  schema: 'audit',
  tableName: 'webhook_delivery',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    webhook: () => p.manyToOne(Webhook).joinColumns('tenant_id', 'webhook_id').ownColumns('webhook_id').deleteRule('cascade').updateRule('no action').ref(),
    /** Of the event, with what else its leaf says. */
    sequence: p.bigint('number'),
    action: p.text(),
    subjectType: p.text(),
    subjectId: p.text(),
    status: p.text().$type<WebhookDeliveryStatus>(),
    /** Attempts since it was made or redriven. It grows when one begins, so that a late report of another is told from it. */
    attempt: p.integer(),
    redriveCount: p.integer(),
    nextAttemptAt: moment().nullable(),
    /** The last attempts, oldest first. */
    attempts: p.json<LoggedAttempt[]>().columnType('jsonb'),
    createdAt: createdAt(),
    settledAt: moment().nullable(),
  },
  uniques: [{ name: 'webhook_delivery_sequence_unique', properties: ['tenantId', 'webhook', 'sequence'] }],
  indexes: [
    { name: 'webhook_delivery_status_index', properties: ['tenantId', 'webhook', 'status', 'sequence'] },
    { name: 'webhook_delivery_due_index', properties: ['tenantId', 'webhook', 'nextAttemptAt'], where: 'next_attempt_at is not null' },
    { name: 'webhook_delivery_subject_index', properties: ['tenantId', 'webhook', 'subjectType', 'subjectId', 'sequence'], where: `status = 'pending'` },
    { name: 'webhook_delivery_settled_index', properties: ['tenantId', 'settledAt'], where: 'settled_at is not null' },
  ],
  checks: [
    { name: 'webhook_delivery_status_check', expression: oneOf('status', WEBHOOK_DELIVERY_STATUSES) },
    { name: 'webhook_delivery_sequence_check', expression: 'sequence >= 1' },
    { name: 'webhook_delivery_counts_check', expression: 'attempt >= 0 and redrive_count >= 0' },
    { name: 'webhook_delivery_attempts_check', expression: jsonType('attempts', 'array') },
    { name: 'webhook_delivery_settled_check', expression: `(status = 'pending') = (settled_at is null)` },
    { name: 'webhook_delivery_next_check', expression: `next_attempt_at is null or status = 'pending'` },
  ],
});

export class WebhookDelivery extends WebhookDeliverySchema.class {}
WebhookDeliverySchema.setClass(WebhookDelivery);
