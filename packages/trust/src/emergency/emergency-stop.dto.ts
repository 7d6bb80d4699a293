import { IsString, Length } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import type { EmergencyStopRow } from './emergency-stop.sql.js';

/** Why the fleet is stopped. */
export class CreateEmergencyStopDto {
  @IsString()
  @Length(1, 1000)
  reason: string;
}

/** Whether the fleet of the tenant stands still. */
export class EmergencyStopDto {
  isStopped: boolean;
  /** Of the stop that runs; null when there is none. */
  id: string | null;
  reason: string | null;
  /** Approvals that it cancelled. */
  cancelledApprovals: number | null;
  startedBy: string | null;
  startedAt: string | null;

  static of(row: EmergencyStopRow | undefined): EmergencyStopDto {
    return {
      isStopped: row !== undefined,
      id: row?.id ?? null,
      reason: row?.reason ?? null,
      cancelledApprovals: row?.cancelled_approvals ?? null,
      startedBy: row?.started_by_name ?? null,
      startedAt: row ? iso(row.created_at) : null,
    };
  }
}
