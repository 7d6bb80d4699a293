import { defineEntity } from '@mikro-orm/postgresql';
import { tenantId, tenantSecurity } from '@agent-hive/kernel';

/** Locked by whoever deletes by policy, erases, or places a hold: rows do not go while a hold that keeps them is being placed. */
export const RetentionLockSchema = defineEntity({
  name: 'RetentionLock',
  schema: 'audit',
  tableName: 'retention_lock',
  ...tenantSecurity,
  properties: { tenantId: tenantId() },
});

export class RetentionLock extends RetentionLockSchema.class {}
RetentionLockSchema.setClass(RetentionLock);
