import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, moment, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';

/** What is set for a queue. A queue exists by its tasks; one without a row has weight 1 and no limits. */
export const QueueSchema = defineEntity({
  name: 'Queue',
  schema: 'tasks',
  tableName: 'queue',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    name: p.text().primary(),
    /** Share of claims beside other queues that have work. */
    weight: p.integer(),
    /** Claims a second; null is no limit. The bucket holds what may be claimed at once: one second's worth, at least 1. */
    rateLimit: p.double().nullable(),
    tokens: p.double(),
    refilledAt: moment(),
    /** Most tasks that are claimed or running at once. */
    maxConcurrent: p.integer().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  checks: [
    { name: 'queue_name_check', expression: 'length(name) between 1 and 100' },
    { name: 'queue_weight_check', expression: 'weight between 1 and 1000' },
    { name: 'queue_rate_limit_check', expression: 'rate_limit > 0 and rate_limit <= 1000000' },
    { name: 'queue_max_concurrent_check', expression: 'max_concurrent >= 0' },
  ],
});

export class Queue extends QueueSchema.class {}
QueueSchema.setClass(Queue);
