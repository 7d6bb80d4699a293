import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import type { DeliveryState } from './delivery.entity.js';

/** Which of an agent's deliveries to report on. */
export class ReportQuery {
  /** Those that were sent in so many seconds until now, 60 to 7776000 (90 days); a day by default. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(60)
  @Max(7_776_000)
  windowSeconds: number = 86_400;
}

/** A report as SQL returns it. */
export type ReportRow = Record<DeliveryState, number> & { recipients: number; hand_outs: number; latency_ms: number[] | null };

/** How many deliveries are in each state. */
export class DeliveryCountsDto {
  pending: number;
  delivered: number;
  acknowledged: number;
  rejected: number;
  expired: number;
  dead: number;
}

/** Milliseconds from the sending to the acknowledgement, of those that are acknowledged. */
export class LatencyDto {
  p50: number;
  p95: number;
  p99: number;
}

/** What has become of deliveries. */
export class DeliveryReportDto {
  /** How many deliveries there are. */
  deliveries: number;
  counts: DeliveryCountsDto;
  /** How often they were handed out, since they were sent or redriven. */
  handOuts: number;
  /** Null while none is acknowledged. */
  latencyMs: LatencyDto | null;

  static of(row: ReportRow): DeliveryReportDto {
    const { pending, delivered, acknowledged, rejected, expired, dead } = row;
    const [p50, p95, p99] = row.latency_ms ?? [];
    return {
      deliveries: row.recipients,
      counts: { pending, delivered, acknowledged, rejected, expired, dead },
      handOuts: row.hand_outs,
      latencyMs: p50 == null ? null : { p50, p95: p95!, p99: p99! },
    };
  }
}
