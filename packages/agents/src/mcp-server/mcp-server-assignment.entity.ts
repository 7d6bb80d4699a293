import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, jsonType, tenantId, tenantSecurity, updatedAt } from '@agent-hive/kernel';
import { Agent } from '../agent/agent.entity.js';
import { McpServer } from './mcp-server.entity.js';

/** An MCP server that an agent may use, with the agent's own configuration of it. */
export const McpServerAssignmentSchema = defineEntity({
  name: 'McpServerAssignment',
  schema: 'agents',
  tableName: 'mcp_server_assignment',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    agent: () => p.manyToOne(Agent).primary().joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('cascade').updateRule('no action').ref(),
    server: () => p.manyToOne(McpServer).primary().joinColumns('tenant_id', 'server_id').ownColumns('server_id').deleteRule('restrict').updateRule('no action').ref(),
    configuration: p.json<Record<string, unknown>>().columnType('jsonb'), // the agent's own, not interpreted
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  indexes: [{ name: 'mcp_server_assignment_server_index', properties: ['tenantId', 'server', 'agent'] }],
  checks: [{ name: 'mcp_server_assignment_configuration_check', expression: jsonType('configuration', 'object') }],
});

export class McpServerAssignment extends McpServerAssignmentSchema.class {}
McpServerAssignmentSchema.setClass(McpServerAssignment);
