import { IsIn, IsNumber, IsObject, IsOptional, IsUUID, Length, Matches, Max, Min } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { IsLine, MaxJsonBytes, oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import { METRIC_TYPES, type MetricType } from './trust-metric.entity.js';

/** A measurement that is made outside the hive. */
export class CreateTrustMetricDto {
  /** The session that it was made in. */
  @IsUUID()
  sessionId: string;

  @IsIn(METRIC_TYPES, oneOfMessage)
  metricType: MetricType;

  /** 0 to 100; of complexity, 0 to 10. Two decimals at most. */
  @IsNumber({ maxDecimalPlaces: 2 })
  @Min(0)
  @Max(100)
  metricValue: number;

  /** `other` by default. */
  @IsOptional()
  @IsLine()
  @Length(1, 100)
  @Matches(/^[^*]/, { message: 'actionClass must name one class' })
  actionClass?: string;

  /** What it rests on; at most 16 KiB as JSON. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(16_384)
  measurementContext?: Record<string, unknown> | null;
}

/** Which measurements to list, newest first. */
export class TrustMetricQuery extends PageQuery {
  @IsOptional()
  @IsIn(METRIC_TYPES, oneOfMessage)
  type?: MetricType;
}

/** A measurement as SQL returns it; numerics are texts. */
export interface TrustMetricRow {
  id: string;
  agent_id: string;
  session_id: string | null;
  action_class: string;
  metric_type: MetricType;
  metric_value: string | number;
  samples: number;
  is_daily: boolean;
  measurement_context: Record<string, unknown> | null;
  recorded_at: Date | string;
}

/** One measurement, or the mean of a day's. */
export class TrustMetricDto {
  id: string;
  agentId: string;
  /** Null in the mean of a day. */
  sessionId: string | null;
  actionClass: string;
  metricType: MetricType;
  metricValue: number;
  /** Measurements in it. */
  samples: number;
  /** Whether it is the mean of a day (UTC), which begins at `recordedAt`. */
  isDaily: boolean;
  measurementContext: Record<string, unknown> | null;
  recordedAt: string;

  static of(row: TrustMetricRow): TrustMetricDto {
    return {
      id: row.id,
      agentId: row.agent_id,
      sessionId: row.session_id,
      actionClass: row.action_class,
      metricType: row.metric_type,
      metricValue: Number(row.metric_value),
      samples: row.samples,
      isDaily: row.is_daily,
      measurementContext: row.measurement_context,
      recordedAt: iso(row.recorded_at),
    };
  }
}

/** A page of measurements, newest first. */
export class TrustMetricPage {
  items: TrustMetricDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching measurements, when asked for. */
  total?: number;
}
