import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, oneOf, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { SENSITIVE } from '@agent-hive/audit';

/** How a server is spoken to: a program over its standard streams, or a URL. */
export const TRANSPORTS = ['stdio', 'http'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** A Model Context Protocol server that agents may use: a program spoken to over stdio, or a URL. Environment and headers hold secrets. */
export const McpServerSchema = defineEntity({
  name: 'McpServer',
  schema: 'agents',
  tableName: 'mcp_server',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    name: p.text(),
    description: p.text().nullable(),
    transport: p.text().$type<Transport>(),
    command: p.text().nullable(),
    args: p.json<string[]>().columnType('jsonb'), // arguments of the command, in their order
    env: p.json<Record<string, string>>().columnType('jsonb').comment(SENSITIVE), // variables of the command, by name
    url: p.text().nullable(),
    headers: p.json<Record<string, string>>().columnType('jsonb').comment(SENSITIVE), // of every request to the url, by name
    timeoutMs: p.integer(),
    isEnabled: p.boolean(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  uniques: [{ name: 'mcp_server_name_unique', properties: ['tenantId', 'name'] }],
  checks: [
    { name: 'mcp_server_name_check', expression: 'length(name) between 1 and 100' },
    { name: 'mcp_server_transport_check', expression: oneOf('transport', TRANSPORTS) },
    { name: 'mcp_server_form_check', expression: `(transport = 'stdio' and command is not null and url is null) or (transport = 'http' and url is not null and command is null)` },
    { name: 'mcp_server_timeout_ms_check', expression: 'timeout_ms between 100 and 600000' },
    { name: 'mcp_server_args_check', expression: jsonType('args', 'array') },
    { name: 'mcp_server_env_check', expression: jsonType('env', 'object') },
    { name: 'mcp_server_headers_check', expression: jsonType('headers', 'object') },
  ],
});

export class McpServer extends McpServerSchema.class {}
McpServerSchema.setClass(McpServer);
