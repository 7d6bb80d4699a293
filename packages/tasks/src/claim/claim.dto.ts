import { ArrayMaxSize, ArrayMinSize, IsArray, IsInt, IsOptional, IsString, IsUUID, Max, MaxLength, Min, MinLength } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { IsUniqueList } from '@agent-hive/kernel/http';
import { TaskDto } from '../task/task-view.dto.js';
import type { ClaimedRow } from './claim.sql.js';

/** What an agent wants to do next. */
export class ClaimDto {
  /** The agent that will do it. */
  @IsUUID()
  agentId: string;

  /** Most tasks, 1 to 100; 1 by default. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  limit?: number;

  /** Only these queues; by default every queue. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @IsUniqueList()
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(100, { each: true })
  queues?: string[];

  /** How long the agent has until its first sign of life, 5 to 3600; 60 by default. */
  @IsOptional()
  @IsInt()
  @Min(5)
  @Max(3600)
  leaseSeconds?: number;

  /** How long to wait for work when there is none, 0 to 20; 0 by default. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(20)
  waitSeconds?: number;
}

/** A task that is the agent's until the lease ends. */
export class ClaimedTaskDto {
  task: TaskDto;
  attemptId: string;
  /** What every write about this attempt must carry. */
  fencingToken: number;
  leaseExpiresAt: string;

  static of(row: ClaimedRow): ClaimedTaskDto {
    return {
      task: TaskDto.of({ ...row, id: row.id! }),
      attemptId: row.attempt_id!,
      fencingToken: Number(row.fencing_token),
      leaseExpiresAt: iso(row.lease_expires_at)!,
    };
  }
}

/** What was claimed, in the order of priority and age; nothing when there is no work that the agent may do. */
export class ClaimedDto {
  items: ClaimedTaskDto[];
  /** Ready tasks that only the agent's trust keeps from it, of the first 100: each needs a higher level, or another agent; one of critical risk is given to no agent at any level and waits until it is cancelled. While the fleet is stopped, all that it could do. */
  withheld: number;
}
