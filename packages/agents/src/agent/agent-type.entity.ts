import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, tenantId, tenantSecurity, updatedAt } from '@agent-hive/kernel';

/** A kind of agent that a tenant adds to the built-in ones. */
export const AgentTypeSchema = defineEntity({
  name: 'AgentType',
  schema: 'agents',
  tableName: 'agent_type',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    name: p.text().primary(),
    description: p.text().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  checks: [
    { name: 'agent_type_name_check', expression: `name ~ '^[a-z][a-z0-9-]{0,49}$'` },
    { name: 'agent_type_description_check', expression: 'length(description) <= 1000' },
  ],
});

export class AgentType extends AgentTypeSchema.class {}
AgentTypeSchema.setClass(AgentType);
