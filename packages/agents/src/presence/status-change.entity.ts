import { defineEntity, p } from '@mikro-orm/postgresql';
import { id, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { Agent } from '../agent/agent.entity.js';
import { AGENT_STATUSES, type AgentStatus } from './presence.entity.js';

/** One change of an agent's status: from what, to what, why, by whom, when. Rows are only ever added; an agent begins as initializing without one. */
export const StatusChangeSchema = defineEntity({
  name: 'StatusChange',
  schema: 'agents',
  tableName: 'status_change',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    agent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('cascade').updateRule('no action').ref(),
    fromStatus: p.text().$type<AgentStatus>(),
    toStatus: p.text().$type<AgentStatus>(),
    reason: p.text().nullable(),
    changedBy: p.uuid().nullable(),
    changedByName: p.text(),
    changedAt: moment(),
  },
  indexes: [{ name: 'status_change_agent_index', properties: ['tenantId', 'agent', 'id'] }],
  checks: [
    { name: 'status_change_from_status_check', expression: oneOf('from_status', AGENT_STATUSES) },
    { name: 'status_change_to_status_check', expression: oneOf('to_status', AGENT_STATUSES) },
  ],
});

export class StatusChange extends StatusChangeSchema.class {}
StatusChangeSchema.setClass(StatusChange);
