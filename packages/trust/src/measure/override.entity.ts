import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent } from '@agent-hive/agents';
import { createdAt, id, moment, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** A level that a person gives an agent in place of the earned one, in one action class or in all (`*`), for a reason and for a time. It ends once. */
export const OverrideSchema = defineEntity({
  name: 'Override',
  schema: 'trust',
  tableName: 'override',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    agent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref(),
    actionClass: p.text(),
    level: p.smallint(),
    reason: p.text(),
    expiresAt: moment(),
    /** When it was lifted, replaced or lost, if that was before it expired. */
    endedAt: moment().nullable(),
    endReason: p.text().nullable(),
    createdByName: p.text(),
    createdAt: createdAt(),
  },
  indexes: [{ name: 'override_agent_index', properties: ['tenantId', 'agent', 'id'] }],
  checks: [
    { name: 'override_level_check', expression: 'level between 0 and 4' },
    { name: 'override_action_class_check', expression: 'length(action_class) between 1 and 100' },
    { name: 'override_reason_check', expression: 'length(reason) between 1 and 1000' },
    { name: 'override_expires_at_check', expression: 'expires_at > created_at' },
    { name: 'override_ended_at_check', expression: '(ended_at is null) = (end_reason is null)' },
  ],
});

export class Override extends OverrideSchema.class {}
OverrideSchema.setClass(Override);
