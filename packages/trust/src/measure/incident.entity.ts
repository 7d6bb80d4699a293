import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent } from '@agent-hive/agents';
import { RISKS, type Risk } from '@agent-hive/audit';
import { createdAt, id, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** Something that went wrong by an agent. A critical one takes all of its trust at once, a high one a level of each class. */
export const IncidentSchema = defineEntity({
  name: 'Incident',
  schema: 'trust',
  tableName: 'incident',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    agent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref(),
    severity: p.text().$type<Risk>(),
    description: p.text(),
    reportedByName: p.text(),
    createdAt: createdAt(),
  },
  indexes: [{ name: 'incident_agent_index', properties: ['tenantId', 'agent', 'id'] }],
  checks: [
    { name: 'incident_severity_check', expression: oneOf('severity', RISKS) },
    { name: 'incident_description_check', expression: 'length(description) between 1 and 5000' },
  ],
});

export class Incident extends IncidentSchema.class {}
IncidentSchema.setClass(Incident);
