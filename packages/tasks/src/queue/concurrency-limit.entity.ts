import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';

/**
 * How many tasks of a key may be claimed or running at once. Its row is the lock under which ready tasks of the key are
 * let through to be claimed, so it is made with the key's first task, for one at a time.
 */
export const ConcurrencyLimitSchema = defineEntity({
  name: 'ConcurrencyLimit',
  schema: 'tasks',
  tableName: 'concurrency_limit',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    key: p.text().primary(),
    limit: p.integer().name('max_active'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  checks: [
    { name: 'concurrency_limit_key_check', expression: 'length(key) between 1 and 200' },
    { name: 'concurrency_limit_max_active_check', expression: 'max_active between 0 and 100000' },
  ],
});

export class ConcurrencyLimit extends ConcurrencyLimitSchema.class {}
ConcurrencyLimitSchema.setClass(ConcurrencyLimit);
