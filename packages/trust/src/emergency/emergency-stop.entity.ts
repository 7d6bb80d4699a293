import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, moment, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** The fleet of a tenant stands still while there is one that was not lifted; there is one at most. Levels are not touched, so lifting it gives them back as they were. */
export const EmergencyStopSchema = defineEntity({
  name: 'EmergencyStop',
  schema: 'trust',
  tableName: 'emergency_stop',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    reason: p.text(),
    cancelledApprovals: p.integer(),
    startedByName: p.text(),
    /** True while it runs, null afterwards: what the unique key holds on to. */
    isRunning: p.boolean().nullable(),
    liftedAt: moment().nullable(),
    liftedByName: p.text().nullable(),
    createdAt: createdAt(),
  },
  uniques: [{ name: 'emergency_stop_running_unique', properties: ['tenantId', 'isRunning'] }],
  checks: [
    { name: 'emergency_stop_reason_check', expression: 'length(reason) between 1 and 1000' },
    { name: 'emergency_stop_lifted_at_check', expression: '(lifted_at is null) = (lifted_by_name is null)' },
    { name: 'emergency_stop_is_running_check', expression: '(is_running is true) = (lifted_at is null) and is_running is not false' },
    { name: 'emergency_stop_cancelled_approvals_check', expression: 'cancelled_approvals >= 0' },
  ],
});

export class EmergencyStop extends EmergencyStopSchema.class {}
EmergencyStopSchema.setClass(EmergencyStop);
