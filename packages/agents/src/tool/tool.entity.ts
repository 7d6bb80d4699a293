import { defineEntity, p } from '@mikro-orm/postgresql';
import { RISKS, type Risk } from '@agent-hive/audit';
import { createdAt, id, jsonType, moment, oneOf, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { McpServer } from '../mcp-server/mcp-server.entity.js';

/** One version of something that agents can call. Its schema is the JSON Schema of the call's input. */
export const ToolSchema = defineEntity({
  name: 'Tool',
  schema: 'agents',
  tableName: 'tool',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    name: p.text(),
    toolVersion: p.text(),
    description: p.text().nullable(),
    schema: p.json<Record<string, unknown>>().columnType('jsonb'), // JSON Schema of its input
    source: p.text().nullable(),
    securityLevel: p.text().$type<Risk>(),
    mcpServer: () => p.manyToOne(McpServer).joinColumns('tenant_id', 'mcp_server_id').ownColumns('mcp_server_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    toolMetadata: p.json<Record<string, unknown>>().columnType('jsonb'), // the caller's own
    registeredAt: moment(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  uniques: [{ name: 'tool_name_version_unique', properties: ['tenantId', 'name', 'toolVersion'] }],
  indexes: [{ name: 'tool_mcp_server_index', properties: ['tenantId', 'mcpServer'], where: 'mcp_server_id is not null' }],
  checks: [
    { name: 'tool_name_check', expression: 'length(name) between 1 and 100' },
    { name: 'tool_tool_version_check', expression: 'length(tool_version) between 1 and 50' },
    { name: 'tool_source_check', expression: 'length(source) <= 500' },
    { name: 'tool_security_level_check', expression: oneOf('security_level', RISKS) },
    { name: 'tool_schema_check', expression: jsonType('schema', 'object') },
    { name: 'tool_tool_metadata_check', expression: jsonType('tool_metadata', 'object') },
  ],
});

export class Tool extends ToolSchema.class {}
ToolSchema.setClass(Tool);
