import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent } from '@agent-hive/agents';
import { createdAt, id, moment, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** While an agent is frozen, no level of it rises; what lowers one still does. It is lifted once, or expires. */
export const FreezeSchema = defineEntity({
  name: 'Freeze',
  schema: 'trust',
  tableName: 'freeze',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    agent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref(),
    reason: p.text(),
    expiresAt: moment().nullable(),
    liftedAt: moment().nullable(),
    liftedByName: p.text().nullable(),
    createdByName: p.text(),
    createdAt: createdAt(),
  },
  indexes: [{ name: 'freeze_agent_index', properties: ['tenantId', 'agent', 'id'] }],
  checks: [
    { name: 'freeze_reason_check', expression: 'length(reason) between 1 and 1000' },
    { name: 'freeze_expires_at_check', expression: 'expires_at > created_at' },
    { name: 'freeze_lifted_at_check', expression: '(lifted_at is null) = (lifted_by_name is null)' },
  ],
});

export class Freeze extends FreezeSchema.class {}
FreezeSchema.setClass(Freeze);
