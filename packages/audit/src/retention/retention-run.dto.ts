import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsOptional } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import type { RetentionClass } from './retention-class.js';
import { RUN_STATES, type RetentionRun, type RunState, type StoreCounts } from './retention-run.entity.js';

/** What to do. */
export class CreateRetentionRunDto {
  /** Only count what would go. */
  @IsOptional()
  @IsBoolean()
  dryRun?: boolean;
}

/** What a run found and did in one table. */
export class StoreCountsDto implements StoreCounts {
  table: string;
  retentionClass: RetentionClass;
  /** Rows that were made before it are due. */
  cutoff: string;
  /** Rows that are due and that no hold keeps. */
  due: number;
  /** Rows that are due but for a hold. */
  held: number;
  /** Rows in archives that were stored and read back. */
  archived: number;
  deleted: number;
  /** Months that were dropped, since no tenant has a row in them any more. */
  droppedMonths: string[];
}

/** A run of retention over the tenant. */
export class RetentionRunDto {
  id: string;
  dryRun: boolean;
  @ApiProperty({ enum: RUN_STATES })
  state: RunState;
  startedAt: string;
  finishedAt: string | null;
  stores: StoreCountsDto[];
  /** Archives whose time was over. */
  expiredArchives: number;
  /** Why it failed. */
  error: string | null;

  static of(run: RetentionRun): RetentionRunDto {
    return {
      id: run.id,
      dryRun: run.isDryRun,
      state: run.state,
      startedAt: iso(run.startedAt),
      finishedAt: iso(run.finishedAt ?? null),
      stores: run.stores as StoreCountsDto[],
      expiredArchives: run.expiredArchives,
      error: run.error ?? null,
    };
  }
}

/** A page of runs, newest first. */
export class RetentionRunPage {
  items: RetentionRunDto[];
  nextCursor: string | null;
  total?: number;
}
