import { IsObject, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { MaxJsonBytes, PageQuery } from '@agent-hive/kernel/http';
import type { Transport } from './mcp-server.entity.js';

/** What an agent is assigned an MCP server with. It replaces the whole of an earlier assignment. */
export class PutMcpServerAssignmentDto {
  /** The agent's own configuration of the server, not interpreted by the hive and no place for secrets; at most 64 KiB. */
  @ValidateIf((_, value) => value !== undefined)
  @IsObject()
  @MaxJsonBytes(65_536)
  configuration?: Record<string, unknown>;
}

/** Which assignments to list. */
export class McpServerAssignmentQuery extends PageQuery {}

/** An assignment with its server, as one SQL row. */
export interface AssignedMcpServerRow {
  server_id: string;
  name: string;
  description: string | null;
  transport: Transport;
  is_enabled: boolean;
  configuration: Record<string, unknown>;
  assigned_at: Date;
}

/** An MCP server as one agent may use it. */
export class AssignedMcpServerDto {
  serverId: string;
  name: string;
  description: string | null;
  transport: Transport;
  isEnabled: boolean;
  /** The agent's own configuration of the server. */
  configuration: Record<string, unknown>;
  assignedAt: string;

  static of(row: AssignedMcpServerRow): AssignedMcpServerDto {
    return {
      serverId: row.server_id,
      name: row.name,
      description: row.description,
      transport: row.transport,
      isEnabled: row.is_enabled,
      configuration: row.configuration,
      assignedAt: iso(row.assigned_at),
    };
  }
}

/** A page of the MCP servers of an agent, the newest server first. */
export class AssignedMcpServerPage {
  items: AssignedMcpServerDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all assignments, when asked for. */
  total?: number;
}

/** An assignment with its agent, as one SQL row. */
export interface AssignedAgentRow {
  agent_id: string;
  agent_name: string;
  configuration: Record<string, unknown>;
  assigned_at: Date;
}

/** An agent that may use one MCP server. */
export class AssignedAgentDto {
  agentId: string;
  agentName: string;
  configuration: Record<string, unknown>;
  assignedAt: string;

  static of(row: AssignedAgentRow): AssignedAgentDto {
    return { agentId: row.agent_id, agentName: row.agent_name, configuration: row.configuration, assignedAt: iso(row.assigned_at) };
  }
}

/** A page of the agents of an MCP server, the newest agent first. */
export class AssignedAgentPage {
  items: AssignedAgentDto[];
  nextCursor: string | null;
  total?: number;
}
