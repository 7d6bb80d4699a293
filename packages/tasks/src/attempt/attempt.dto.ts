import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsInt, IsNotEmpty, IsNumber, IsObject, IsOptional, IsString, IsUUID, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { MaxJsonBytes, PageQuery } from '@agent-hive/kernel/http';
import type { Outcome } from '../task/lifecycle.js';
import { JSON_MAX_BYTES } from '../task/task.dto.js';
import { TaskDto } from '../task/task-view.dto.js';

/** What an attempt cost, by the agent's own account. */
export class UsageDto {
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1_000_000)
  costUsd?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  inputTokens?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  outputTokens?: number;
}

/** Every write of a worker carries the token of its claim: a stale one changes nothing (409 `lease-lost`). */
export class FencedDto {
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  fencingToken: number;
}

/** A sign of life of a worker. */
export class BeatDto extends FencedDto {
  /** How long the lease goes on from now; by default as long as it was given. */
  @IsOptional()
  @IsInt()
  @Min(5)
  @Max(3600)
  leaseSeconds?: number;

  /** Percent. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(100)
  progress?: number;
}

/** The work cannot go on before a person has answered. */
export class WaitDto extends FencedDto {
  /** What was asked of the person. */
  @IsUUID()
  interactionId: string;
}

/** The work is done. */
export class CompleteDto extends FencedDto {
  /** Any JSON, at most 256 KiB. */
  @IsOptional()
  @MaxJsonBytes(JSON_MAX_BYTES)
  result?: unknown;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => UsageDto)
  usage?: UsageDto;
}

/** What went wrong. */
export class TaskErrorDto {
  @IsString()
  @IsNotEmpty()
  @MaxLength(10_000)
  message: string;

  @IsOptional()
  @IsString()
  @MaxLength(100)
  code?: string;

  /** Whether another attempt may succeed; `false` ends the task as failed. `true` by default. */
  @IsOptional()
  @IsBoolean()
  retryable?: boolean;
}

/** The attempt failed. */
export class FailDto extends FencedDto {
  @IsObject()
  @ValidateNested()
  @Type(() => TaskErrorDto)
  error: TaskErrorDto;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => UsageDto)
  usage?: UsageDto;
}

/** One completion of several. */
export class CompletionDto extends CompleteDto {
  @IsUUID()
  taskId: string;
}

/** Several completions; each succeeds or not by itself. */
export class CompletionsDto {
  /** 1 to 100. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  @Type(() => CompletionDto)
  items: CompletionDto[];
}

/** What became of one completion. */
export class CompletionOutcomeDto {
  taskId: string;
  /** `completed`, or the code of the refusal: `lease-lost`, `not-yours`, `not-found`. */
  outcome: string;
  /** The task, when it was completed. */
  task: TaskDto | null;
}

/** What became of each completion, in their order. */
export class CompletionOutcomesDto {
  items: CompletionOutcomeDto[];
}

/** Which attempts to list, newest first. */
export class AttemptQuery extends PageQuery {}

/** Row of tasks.attempt as SQL returns it. */
export interface AttemptRow {
  id: string;
  task_id: string;
  agent_id: string;
  fencing_token: string | number;
  number: number;
  redrive: number;
  claimed_at: Date;
  ended_at: Date | null;
  outcome: Outcome | null;
  error: Record<string, unknown> | null;
  progress: number | null;
  cost_usd: number | null;
  input_tokens: string | number | null;
  output_tokens: string | number | null;
}

const integer = (value: string | number | null): number | null => (value === null ? null : Number(value));

/** One try at a task by one agent. */
export class AttemptDto {
  id: string;
  taskId: string;
  agentId: string;
  fencingToken: number;
  /** Counts from 1 since the task was created or redriven. */
  number: number;
  /** How often the task had been redriven by then. */
  redrive: number;
  claimedAt: string;
  endedAt: string | null;
  /** Null while it lasts. */
  outcome: Outcome | null;
  error: Record<string, unknown> | null;
  /** From claim to end; null while it lasts. */
  durationMs: number | null;
  progress: number | null;
  usage: UsageReportDto;

  static of(row: AttemptRow): AttemptDto {
    return {
      id: row.id,
      taskId: row.task_id,
      agentId: row.agent_id,
      fencingToken: Number(row.fencing_token),
      number: row.number,
      redrive: row.redrive,
      claimedAt: iso(row.claimed_at),
      endedAt: iso(row.ended_at),
      outcome: row.outcome,
      error: row.error,
      durationMs: row.ended_at === null ? null : new Date(row.ended_at).getTime() - new Date(row.claimed_at).getTime(),
      progress: row.progress,
      usage: { costUsd: row.cost_usd, inputTokens: integer(row.input_tokens), outputTokens: integer(row.output_tokens) },
    };
  }
}

/** What an attempt cost; null where the agent gave no account. */
export class UsageReportDto {
  costUsd: number | null;
  inputTokens: number | null;
  outputTokens: number | null;
}

/** A page of attempts, newest first. */
export class AttemptPage {
  items: AttemptDto[];
  nextCursor: string | null;
  /** Number of all attempts, when asked for. */
  total?: number;
}
