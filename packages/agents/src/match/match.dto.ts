import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsInt, IsNotEmptyObject, IsNumber, IsObject, IsString, Max, MaxLength, Min, MinLength, ValidateIf, ValidateNested } from 'class-validator';
import { given, IsUniqueList } from '@agent-hive/kernel/http';
import { AgentDto, type AgentRow } from '../agent/agent.dto.js';

/** What a piece of work asks of an agent. */
export class RequirementsDto {
  /** Names of capabilities; an agent with none of them is no match. */
  @ValidateIf(given)
  @IsArray()
  @ArrayMaxSize(50)
  @IsUniqueList()
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(100, { each: true })
  capabilities?: string[];

  /** Only agents of this type. */
  @ValidateIf(given)
  @IsString()
  @MaxLength(50)
  type?: string;

  /** 0 to 10; the harder the work, the more past performance weighs. */
  @ValidateIf(given)
  @IsNumber()
  @Min(0)
  @Max(10)
  complexity?: number;

  /** Name of a knowledge domain that the work lies in. */
  @ValidateIf(given)
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  domain?: string;
}

/** A search for the agents that fit best. */
export class MatchDto {
  @IsObject()
  @IsNotEmptyObject({ nullable: true }, { message: 'requirements must be an object' })
  @ValidateNested()
  @Type(() => RequirementsDto)
  requirements: RequirementsDto;

  /** How many agents at most, 1 to 100. */
  @ValidateIf(given)
  @IsInt()
  @Min(1)
  @Max(100)
  limit: number = 10;
}

/** A match as SQL returns it: the agent, the parts of its score from 0 to 1, and what they come from. */
export interface MatchRow extends AgentRow {
  score: number;
  cover: number;
  matched: string[];
  performance: number;
  load: number;
  open_count: number;
  recency: number;
  domain_fit: number | null;
}

/** One part of a score: its value from 0 to 1 and its share in the score. */
export class ReasonDto {
  value: number;
  weight: number;
}

/** How much of the required capabilities the agent has. */
export class CapabilityReasonDto extends ReasonDto {
  matched: string[];
  missing: string[];
}

/** How free the agent is. */
export class LoadReasonDto extends ReasonDto {
  /** Pieces of work that it has not finished. */
  openCount: number;
}

/** How fresh its last heartbeat is. */
export class RecencyReasonDto extends ReasonDto {
  lastHeartbeatAt: string | null;
}

/** Why an agent has its score. */
export class ReasonsDto {
  capabilities: CapabilityReasonDto;
  performance: ReasonDto;
  load: LoadReasonDto;
  recency: RecencyReasonDto;
  /** There only when a knowledge domain was asked for. */
  domain?: ReasonDto;
}

/** An agent that fits, how well, and why. */
export class MatchItemDto {
  agent: AgentDto;
  /** 0 to 1. */
  score: number;
  reasons: ReasonsDto;

  static of(row: MatchRow, wanted: readonly string[], weights: Weights): MatchItemDto {
    const agent = AgentDto.of(row);
    return {
      agent,
      score: row.score,
      reasons: {
        capabilities: { value: row.cover, weight: weights.cover, matched: row.matched, missing: wanted.filter((name) => !row.matched.includes(name)) },
        performance: { value: row.performance, weight: weights.performance },
        load: { value: row.load, weight: weights.load, openCount: row.open_count },
        recency: { value: row.recency, weight: weights.recency, lastHeartbeatAt: agent.lastHeartbeatAt },
        ...(row.domain_fit !== null && { domain: { value: row.domain_fit, weight: weights.domain } }),
      },
    };
  }
}

/** Shares of the parts in a score; they add up to 1. */
export interface Weights {
  cover: number;
  performance: number;
  load: number;
  recency: number;
  domain: number;
}

/** The matching agents, best first. */
export class MatchesDto {
  items: MatchItemDto[];
}
