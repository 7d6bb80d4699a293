import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsNumber, IsObject, IsOptional, IsString, IsUUID, Length, Max, MaxLength, Min, ValidateIf, ValidateNested } from 'class-validator';
import { given, IsLine, IsMoment, MaxJsonBytes, oneOfMessage } from '@agent-hive/kernel/http';
import { valueOf, VALUE_MAX } from './sketch.js';

/** One measured value. */
export class MetricValueDto {
  /** What was measured, with its unit, such as `build.duration_ms`. */
  @IsLine()
  @Length(1, 100)
  name: string;

  /** How much; at most 1e100 either way from zero. */
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(-VALUE_MAX)
  @Max(VALUE_MAX)
  value: number;

  /** Noun of what it was measured of, such as `agent` or `task`. */
  @IsLine()
  @Length(1, 50)
  subjectType: string;

  @IsUUID()
  subjectId: string;

  /** When (RFC 3339), at most 7 days ago and 5 minutes ahead; now by default. */
  @ValidateIf(given)
  @IsMoment()
  recordedAt?: string;

  /** Circumstances of the measurement, not interpreted by the hive. At most 4 KiB as JSON. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(4096)
  context?: Record<string, unknown> | null;
}

/** Values that are recorded together: all, or none. */
export class RecordMetricsDto {
  /** 1 to 1000. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(1000)
  @ValidateNested({ each: true })
  @Type(() => MetricValueDto)
  items: MetricValueDto[];
}

/** How many values were recorded. */
export class MetricsRecordedDto {
  count: number;
}

/** Widths of a bucket. Buckets lie where the clock of UTC has its hours and days; weeks begin on Monday. */
export const BUCKETS = ['hour', 'day', 'week'] as const;
export type Bucket = (typeof BUCKETS)[number];

/** Which metric to plot, of what, and when. */
export class MetricQuery {
  @IsString()
  @Length(1, 100)
  name: string;

  /** Noun of what it was measured of. */
  @IsOptional()
  @IsString()
  @MaxLength(50)
  subjectType?: string;

  @IsOptional()
  @IsUUID()
  subjectId?: string;

  /** From the bucket that holds this moment on; by default a day, 30 days or 26 weeks before `to`. Hours reach back 30 days. */
  @ApiPropertyOptional({ format: 'date-time' })
  @IsOptional()
  @IsMoment()
  from?: string;

  /** To the end of the bucket that holds the moment before this one; now by default. */
  @ApiPropertyOptional({ format: 'date-time' })
  @IsOptional()
  @IsMoment()
  to?: string;

  @IsIn(BUCKETS, oneOfMessage)
  bucket: Bucket = 'day';
}

/** Figures of a bucket as SQL returns them; percentiles as keys of bins. */
export interface MetricBucketRow {
  start: Date | string;
  count: string | number;
  sum: number;
  min: number;
  max: number;
  p50: number;
  p95: number;
  p99: number;
}

/** The values of one bucket. Percentiles are at most 1 % from a value that stands at their rank. */
export class MetricBucketDto {
  /** Where the bucket begins. */
  from: string;
  count: number;
  mean: number;
  min: number;
  max: number;
  p50: number;
  p95: number;
  p99: number;

  static of({ start, count, sum, min, max, p50, p95, p99 }: MetricBucketRow): MetricBucketDto {
    const within = (value: number) => Math.min(Math.max(value, min), max);
    const [q50, q95, q99] = [p50, p95, p99].map((key) => within(valueOf(key))) as [number, number, number];
    return { from: new Date(start).toISOString(), count: Number(count), mean: within(sum / Number(count)), min, max, p50: q50, p95: q95, p99: q99 };
  }
}

/** A metric over time. Buckets without values are left out. */
export class MetricSeriesDto {
  name: string;
  subjectType: string | null;
  subjectId: string | null;
  bucket: Bucket;
  /** Where the first bucket that was asked for begins. */
  from: string;
  /** Where the last one ends. */
  to: string;
  items: MetricBucketDto[];
}
