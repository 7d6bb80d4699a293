import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, oneOf, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { RETENTION_CLASSES, type RetentionClass } from './retention-class.js';

/** How long a tenant keeps rows of a class, where it departs from the defaults. */
export const RetentionPolicySchema = defineEntity({
  name: 'RetentionPolicy',
  schema: 'audit',
  tableName: 'retention_policy',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    retentionClass: p.text().primary().$type<RetentionClass>(),
    hotDays: p.integer(),
    totalDays: p.integer().nullable(), // null: archives are kept for ever
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  checks: [
    { name: 'retention_policy_retention_class_check', expression: oneOf('retention_class', RETENTION_CLASSES) },
    { name: 'retention_policy_hot_days_check', expression: `hot_days between 1 and 36500 and (retention_class <> 'audit' or hot_days >= 365)` },
    { name: 'retention_policy_total_days_check', expression: 'total_days between hot_days and 36500' },
  ],
});

export class RetentionPolicy extends RetentionPolicySchema.class {}
RetentionPolicySchema.setClass(RetentionPolicy);
