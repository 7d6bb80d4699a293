import { Transform, Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsBoolean, IsIn, IsNotEmpty, IsObject, IsOptional, IsString, IsUUID, Length, MaxLength, MinLength, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, IsUniqueList, MaxJsonBytes, oneOfMessage, PageQuery, ToBoolean } from '@agent-hive/kernel/http';
import { PERSONAS, type AiMetadata, type Persona } from './agent.entity.js';
import { ACTIVE_STATUSES, AGENT_STATUSES, type AgentStatus } from '../presence/presence.entity.js';
import { GrantedToolDto, type GrantedToolRow } from '../tool/granted-tool.dto.js';

/** What an agent is created or replaced with. */
export class CreateAgentDto {
  /** 1 to 100 characters after trimming. */
  @IsString()
  name: string;

  /** A built-in type or one that the tenant added; the refusal lists them. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(50)
  type: string;

  @IsOptional()
  @IsIn(PERSONAS, oneOfMessage)
  personaType?: Persona | null;

  @IsOptional()
  @IsString()
  @MaxLength(5000)
  description?: string | null;

  /** Language model that it runs on, as its provider names it. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  model?: string | null;

  /** Names of what it can do; requirements are matched against them. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(200)
  @IsUniqueList()
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(100, { each: true })
  capabilities?: string[];

  /** Settings of the agent's own, at most 64 KiB; not interpreted by the hive. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(65_536)
  config?: Record<string, unknown>;

  /** Id that the caller knows the agent by; unique within the tenant. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  externalId?: string | null;

  @IsOptional()
  @IsUUID()
  projectId?: string | null;

  /** Whether insights are computed and the agent takes part in matches. */
  @IsOptional()
  @IsBoolean()
  enhancedFeaturesEnabled?: boolean;
}

/** Path of an agent by the id that its caller knows it by. */
export class ExternalIdParams {
  @IsString()
  @Length(1, 200)
  externalId: string;
}

/** What PUT by external id takes: the path names the external id. */
export class UpsertAgentDto extends CreateAgentDto {
  /** If given, the same as in the path. */
  @IsOptional()
  @IsString()
  declare externalId?: string | null;
}

/** Changes of an agent; absent fields stay. The type is fixed for life. */
export class UpdateAgentDto {
  /** 1 to 100 characters after trimming. */
  @ValidateIf(given)
  @IsString()
  name?: string;

  /** A status that may follow the present one. */
  @ValidateIf(given)
  @IsIn(AGENT_STATUSES, oneOfMessage)
  status?: AgentStatus;

  /** Why the status changes, or why it is what it is. */
  @IsOptional()
  @IsString()
  @MaxLength(500)
  statusReason?: string;

  @IsOptional()
  @IsIn(PERSONAS, oneOfMessage)
  personaType?: Persona | null;

  @IsOptional()
  @IsString()
  @MaxLength(5000)
  description?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  model?: string | null;

  @ValidateIf(given)
  @IsArray()
  @ArrayMaxSize(200)
  @IsUniqueList()
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(100, { each: true })
  capabilities?: string[];

  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(65_536)
  config?: Record<string, unknown>;

  @IsOptional()
  @IsUUID()
  projectId?: string | null;

  @ValidateIf(given)
  @IsBoolean()
  enhancedFeaturesEnabled?: boolean;
}

/** Which agents to list, newest first. */
export class AgentQuery extends PageQuery {
  @IsOptional()
  @IsIn(AGENT_STATUSES, oneOfMessage)
  status?: AgentStatus;

  @IsOptional()
  @IsString()
  @MaxLength(50)
  type?: string;

  @IsOptional()
  @IsIn(PERSONAS, oneOfMessage)
  personaType?: Persona;

  /** Name of a capability that the agent or its instruction has. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  capability?: string;

  @IsOptional()
  @IsUUID()
  projectId?: string;

  /** The exact name. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  name?: string;

  /** Whether each agent comes with the tools granted to it. */
  @IsOptional()
  @ToBoolean()
  @IsBoolean()
  includeTools?: boolean;
}

const INCLUDES = ['insights', 'tools'] as const;

/** What one agent is read with. */
export class AgentIncludes {
  /** Comma list of `insights` (refreshed when older than an hour) and `tools`. */
  @IsOptional()
  @Transform(({ value }) => (typeof value === 'string' ? value.split(',') : (value as unknown)))
  @IsIn(INCLUDES, { each: true, message: 'include must be a comma list of: insights, tools' })
  @Type(() => String)
  include?: (typeof INCLUDES)[number][];
}

/** Agent and presence, as one SQL row. */
export interface AgentRow {
  id: string;
  name: string;
  type: string;
  persona_type: Persona | null;
  description: string | null;
  model: string | null;
  capabilities: string[];
  config: Record<string, unknown>;
  external_id: string | null;
  project_id: string | null;
  enhanced_features_enabled: boolean;
  performance_score: number;
  learning_metrics: Record<string, unknown>;
  optimization_suggestions: string[];
  ai_metadata: AiMetadata;
  last_ai_analysis: Date | null;
  created_at: Date;
  updated_at: Date;
  version: number;
  status: AgentStatus;
  status_reason: string | null;
  last_heartbeat_at: Date | null;
  tools?: GrantedToolRow[] | null;
}

/** An agent, with its presence and what is known of its performance. */
export class AgentDto {
  id: string;
  name: string;
  type: string;
  personaType: Persona | null;
  description: string | null;
  model: string | null;
  status: AgentStatus;
  /** Whether it takes work: active, idle or busy. */
  isActive: boolean;
  /** Why it has this status, such as `paused`, `maintenance`, `stale_heartbeat`. */
  statusReason: string | null;
  capabilities: string[];
  config: Record<string, unknown>;
  externalId: string | null;
  projectId: string | null;
  /** 0 to 100, from the last insights. */
  performanceScore: number;
  learningMetrics: Record<string, unknown>;
  optimizationSuggestions: string[];
  /** `last_insights` and `analysis_timestamp` once there are insights; `last_error` while the last analysis failed. */
  aiMetadata: AiMetadata;
  /** 0 to 100; 0 while there are no insights. */
  efficiencyRating: number;
  aiInsightsAvailable: boolean;
  enhancedFeaturesEnabled: boolean;
  /** When insights were last computed (ISO-8601). */
  lastAiAnalysis: string | null;
  lastHeartbeatAt: string | null;
  /** Grows with every change of the agent; it is the ETag. Heartbeats and insights do not move it. */
  version: number;
  createdAt: string;
  updatedAt: string;
  /** Tools granted and not expired, when asked for. */
  tools?: GrantedToolDto[];
  /** What the last analysis found, when asked for. */
  insights?: Record<string, unknown> | null;

  static of(row: AgentRow): AgentDto {
    const insights = row.ai_metadata.last_insights;
    return {
      id: row.id,
      name: row.name,
      type: row.type,
      personaType: row.persona_type,
      description: row.description,
      model: row.model,
      status: row.status,
      isActive: ACTIVE_STATUSES.includes(row.status),
      statusReason: row.status_reason,
      capabilities: row.capabilities,
      config: row.config,
      externalId: row.external_id,
      projectId: row.project_id,
      performanceScore: row.performance_score,
      learningMetrics: row.learning_metrics,
      optimizationSuggestions: row.optimization_suggestions,
      aiMetadata: row.ai_metadata,
      efficiencyRating: typeof insights?.efficiency_score === 'number' ? insights.efficiency_score : 0,
      aiInsightsAvailable: insights !== undefined && insights.error === undefined,
      enhancedFeaturesEnabled: row.enhanced_features_enabled,
      lastAiAnalysis: iso(row.last_ai_analysis),
      lastHeartbeatAt: iso(row.last_heartbeat_at),
      version: row.version,
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
      ...(row.tools !== undefined && { tools: (row.tools ?? []).map((tool) => GrantedToolDto.of(tool)) }),
    };
  }
}

/** A page of agents, newest first. */
export class AgentPage {
  items: AgentDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching agents, when asked for. */
  total?: number;
}
