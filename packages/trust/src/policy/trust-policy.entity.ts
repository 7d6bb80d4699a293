import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, jsonType, tenantId, tenantSecurity } from '@agent-hive/kernel';
import type { Thresholds } from './thresholds.js';

/** One version of a tenant's policy; the greatest is in force. Versions are only added. */
export const TrustPolicySchema = defineEntity({
  name: 'TrustPolicy',
  schema: 'trust',
  tableName: 'trust_policy',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    version: p.integer().primary(),
    name: p.text(),
    thresholds: p.json<Thresholds>().columnType('jsonb'), // shares, counts and times by which levels are given and taken
    createdByName: p.text(),
    createdAt: createdAt(),
  },
  checks: [
    { name: 'trust_policy_version_check', expression: 'version >= 1' },
    { name: 'trust_policy_name_check', expression: 'length(name) between 1 and 100' },
    { name: 'trust_policy_thresholds_check', expression: jsonType('thresholds', 'object') },
  ],
});

export class TrustPolicy extends TrustPolicySchema.class {}
TrustPolicySchema.setClass(TrustPolicy);
