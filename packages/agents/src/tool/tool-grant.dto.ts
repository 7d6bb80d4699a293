import { ArrayMaxSize, IsArray, IsBoolean, IsObject, IsOptional, IsString, Length, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, IsLine, IsMoment, IsUniqueList, MaxJsonBytes, PageQuery, ToBoolean } from '@agent-hive/kernel/http';
import { GrantedToolDto } from './granted-tool.dto.js';

/** What an agent is granted a tool with. It replaces the whole of an earlier grant. */
export class PutToolGrantDto {
  /** The agent's own configuration of the tool, not interpreted by the hive; at most 64 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(65_536)
  configuration?: Record<string, unknown>;

  /** What the agent may do with the tool, in words that the tool defines. */
  @ValidateIf(given)
  @IsArray()
  @ArrayMaxSize(100)
  @IsUniqueList()
  @IsString({ each: true })
  @Length(1, 100, { each: true })
  @IsLine({ each: true })
  permissions?: string[];

  /** When the grant ends: a moment in the future with its time zone, such as `2030-01-31T12:00:00Z`; null or absent, it does not. */
  @IsOptional()
  @IsMoment()
  expiresAt?: string | null;
}

/** Which grants to list. */
export class ToolGrantQuery extends PageQuery {
  /** Whether expired grants are listed too. */
  @IsOptional()
  @ToBoolean()
  @IsBoolean()
  includeExpired?: boolean;
}

/** A page of the tools that an agent has a grant on, the newest tool first. */
export class GrantedToolPage {
  items: GrantedToolDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching grants, when asked for. */
  total?: number;
}

/** A grant with its agent, as one SQL row. */
export interface GrantedAgentRow {
  agent_id: string;
  agent_name: string;
  configuration: Record<string, unknown>;
  permissions: string[];
  expires_at: Date | string | null;
  granted_at: Date | string;
}

/** An agent that may use one tool. */
export class GrantedAgentDto {
  agentId: string;
  agentName: string;
  configuration: Record<string, unknown>;
  permissions: string[];
  expiresAt: string | null;
  grantedAt: string;

  static of(row: GrantedAgentRow): GrantedAgentDto {
    return {
      agentId: row.agent_id,
      agentName: row.agent_name,
      configuration: row.configuration,
      permissions: row.permissions,
      expiresAt: iso(row.expires_at),
      grantedAt: iso(row.granted_at),
    };
  }
}

/** A page of the agents that have a grant on a tool, the newest agent first. */
export class GrantedAgentPage {
  items: GrantedAgentDto[];
  nextCursor: string | null;
  total?: number;
}
