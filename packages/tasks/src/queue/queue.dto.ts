import { IsInt, IsNumber, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { IsLine } from '@agent-hive/kernel/http';
import type { TaskStatus } from '../task/lifecycle.js';

/** Path of a queue. */
export class QueueParams {
  @IsLine()
  @MaxLength(100)
  name: string;
}

/** What is set for a queue; absent values get their defaults. */
export class PutQueueDto {
  /** Share of claims beside other queues that have work, 1 to 1000; 1 by default. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  weight?: number;

  /** Most claims a second, fractions included; null, the default, is no limit. What was not claimed in a second is not saved up. */
  @IsOptional()
  @IsNumber()
  @Min(0.0001)
  @Max(1_000_000)
  rateLimit?: number | null;

  /** Most tasks that are claimed or running at once; 0 pauses the queue; null, the default, is no limit. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  maxConcurrent?: number | null;
}

/** A queue as SQL returns it: what is set for it, and what lies in it. */
export interface QueueRow {
  name: string;
  weight: number | null;
  rate_limit: number | null;
  max_concurrent: number | null;
  depth: Partial<Record<TaskStatus, number>> | null;
  oldest_ready_at: Date | null;
}

/** How many tasks of a queue have each status; those that were completed or cancelled do not count. */
export class DepthDto {
  created: number;
  blocked: number;
  ready: number;
  claimed: number;
  running: number;
  waiting: number;
  failed: number;
  dead: number;
}

/** A queue. */
export class QueueDto {
  name: string;
  weight: number;
  rateLimit: number | null;
  maxConcurrent: number | null;
  depth: DepthDto;
  /** Creation of the oldest task that is ready; null when none is. */
  oldestReadyAt: string | null;
  /** Its age. */
  oldestReadyAgeSeconds: number | null;

  static of(row: QueueRow, now: Date): QueueDto {
    const depth = { created: 0, blocked: 0, ready: 0, claimed: 0, running: 0, waiting: 0, failed: 0, dead: 0, ...row.depth };
    const oldest = row.oldest_ready_at === null ? null : new Date(row.oldest_ready_at);
    return {
      name: row.name,
      weight: row.weight ?? 1,
      rateLimit: row.rate_limit,
      maxConcurrent: row.max_concurrent,
      depth,
      oldestReadyAt: iso(oldest),
      oldestReadyAgeSeconds: oldest && Math.max(0, Math.round((now.getTime() - oldest.getTime()) / 1000)),
    };
  }
}

/** All queues that have something set or a task that has not ended, by name. */
export class QueuesDto {
  items: QueueDto[];
}

/** Path of a concurrency key. */
export class ConcurrencyLimitParams {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  key: string;
}

/** How many tasks of a key may be claimed or running at once. */
export class PutConcurrencyLimitDto {
  /** 0 holds all of them. */
  @IsInt()
  @Min(0)
  @Max(100_000)
  limit: number;
}

/** The limit of a concurrency key. */
export class ConcurrencyLimitDto {
  key: string;
  limit: number;
}
