import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, jsonType, moment, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { Agent } from '../agent/agent.entity.js';
import { Tool } from './tool.entity.js';

/** The right of an agent to call a tool, with its configuration, until it expires or is taken back. */
export const ToolGrantSchema = defineEntity({
  name: 'ToolGrant',
  schema: 'agents',
  tableName: 'tool_grant',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    agent: () => p.manyToOne(Agent).primary().joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('cascade').updateRule('no action').ref(),
    tool: () => p.manyToOne(Tool).primary().joinColumns('tenant_id', 'tool_id').ownColumns('tool_id').deleteRule('restrict').updateRule('no action').ref(),
    configuration: p.json<Record<string, unknown>>().columnType('jsonb'), // the agent's own, not interpreted
    permissions: p.json<string[]>().columnType('jsonb'), // in words that the tool defines, none twice
    expiresAt: moment().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  indexes: [{ name: 'tool_grant_tool_index', properties: ['tenantId', 'tool', 'agent'] }],
  checks: [
    { name: 'tool_grant_configuration_check', expression: jsonType('configuration', 'object') },
    { name: 'tool_grant_permissions_check', expression: jsonType('permissions', 'array') },
  ],
});

export class ToolGrant extends ToolGrantSchema.class {
  /** Whether the grant opens anything at this moment. */
  isValid(at: Date): boolean {
    return !this.expiresAt || this.expiresAt > at;
  }
}
ToolGrantSchema.setClass(ToolGrant);
