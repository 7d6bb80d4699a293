import { ApiProperty } from '@nestjs/swagger';
import { SubjectDto } from '../entry.dto.js';

/** What a check came to. `unfinished`: it ran out of time, and nothing is known. */
export const CHECK_STATUSES = ['clean', 'violated', 'unfinished'] as const;
export type CheckStatus = (typeof CHECK_STATUSES)[number];

/** What one check found. */
export class ConsistencyFindingDto {
  /** `<domain>.<what>`, such as `tasks.leases`. */
  name: string;
  /** What must hold. */
  description: string;
  /** `unfinished` when it ran out of time: nothing is known then. */
  @ApiProperty({ enum: CHECK_STATUSES })
  status: CheckStatus;
  /** Subjects of which it does not hold, counted up to 1,000. */
  violations: number;
  /** Whether there are more than were counted. */
  isCapped: boolean;
  /** Some of them, at most 10. */
  examples: SubjectDto[];
  /** Milliseconds. */
  tookMs: number;
}

/** What the checks of all domains found. */
export class ConsistencyReportDto {
  /** Every check is clean. */
  ok: boolean;
  checks: ConsistencyFindingDto[];
}
