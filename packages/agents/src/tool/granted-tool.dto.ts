import type { Risk } from '@agent-hive/audit';
import { iso } from '@agent-hive/kernel';

/** A tool with the grant that an agent has on it, as one SQL row. */
export interface GrantedToolRow {
  tool_id: string;
  name: string;
  tool_version: string;
  description: string | null;
  schema: Record<string, unknown>;
  source: string | null;
  security_level: Risk;
  mcp_server_id: string | null;
  configuration: Record<string, unknown>;
  permissions: string[];
  expires_at: Date | string | null;
  granted_at: Date | string;
}

/** A tool as one agent may use it. */
export class GrantedToolDto {
  toolId: string;
  name: string;
  version: string;
  description: string | null;
  /** JSON Schema of the call's input. */
  schema: Record<string, unknown>;
  source: string | null;
  securityLevel: Risk;
  mcpServerId: string | null;
  /** The agent's own configuration of the tool. */
  configuration: Record<string, unknown>;
  permissions: string[];
  /** When the grant ends (ISO-8601); null when it does not. */
  expiresAt: string | null;
  grantedAt: string;

  static of(row: GrantedToolRow): GrantedToolDto {
    return {
      toolId: row.tool_id,
      name: row.name,
      version: row.tool_version,
      description: row.description,
      schema: row.schema,
      source: row.source,
      securityLevel: row.security_level,
      mcpServerId: row.mcp_server_id,
      configuration: row.configuration,
      permissions: row.permissions,
      expiresAt: iso(row.expires_at),
      grantedAt: iso(row.granted_at),
    };
  }
}
