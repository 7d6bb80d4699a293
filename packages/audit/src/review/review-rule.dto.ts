import { IsBoolean, IsIn, IsInt, IsNumber, IsOptional, IsString, Length, Max, Min, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, IsLine, oneOfMessage } from '@agent-hive/kernel/http';
import { RULE_KINDS, type RuleKind, type RuleSettings } from './review-rule.entity.js';

/** Path of a rule. */
export class ReviewRuleParams {
  @IsLine()
  @Length(1, 100)
  name: string;
}

/** A whole rule: what is absent is at its default. */
export class PutReviewRuleDto {
  /** `repeated_errors`: the same error more than `threshold` times. `above_baseline`: a mean above `threshold` times that of the days before. A built-in rule keeps its kind. */
  @IsIn(RULE_KINDS, oneOfMessage)
  kind: RuleKind;

  /** Whether it is looked at; true by default. */
  @ValidateIf(given)
  @IsBoolean()
  isEnabled?: boolean;

  /** Above 0: how often, or how many times the baseline. */
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(0.001)
  @Max(1_000_000_000)
  threshold: number;

  /** How many hours are looked at; 24 by default. */
  @ValidateIf(given)
  @IsInt()
  @Min(1)
  @Max(168)
  windowHours?: number;

  /** How many days before the window make the baseline, 14 by default; of an `above_baseline` only. With the window at most 30 days when it is of a metric. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(28)
  baselineDays?: number | null;

  /** How many values window and baseline need before they are compared; 5 by default. */
  @ValidateIf(given)
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  minSamples?: number;

  /** The metric that is looked at, one subject at a time; null is the durations of work, by its kind. Of an `above_baseline` only. */
  @IsOptional()
  @IsString()
  @Length(1, 100)
  metricName?: string | null;
}

/** Rule as SQL returns it. */
export interface ReviewRuleRow {
  name: string;
  kind: RuleKind;
  is_enabled: boolean;
  threshold: number;
  window_hours: number;
  baseline_days: number | null;
  min_samples: number;
  metric_name: string | null;
  created_at: Date | string;
  updated_at: Date | string;
  version: number;
}

/** What the hive looks for in what agents did. */
export class ReviewRuleDto {
  name: string;
  kind: RuleKind;
  isEnabled: boolean;
  threshold: number;
  windowHours: number;
  baselineDays: number | null;
  minSamples: number;
  metricName: string | null;
  /** Whether it is one of every tenant that this one has not changed. */
  isBuiltIn: boolean;
  /** Grows with every change; 0 while it is built in. It is the ETag. */
  version: number;
  createdAt: string | null;
  updatedAt: string | null;

  static of(row: ReviewRuleRow): ReviewRuleDto {
    return {
      name: row.name,
      kind: row.kind,
      isEnabled: row.is_enabled,
      threshold: row.threshold,
      windowHours: row.window_hours,
      baselineDays: row.baseline_days,
      minSamples: row.min_samples,
      metricName: row.metric_name,
      isBuiltIn: false,
      version: row.version,
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
    };
  }

  static builtIn(name: string, settings: RuleSettings): ReviewRuleDto {
    return { name, ...settings, isBuiltIn: true, version: 0, createdAt: null, updatedAt: null };
  }
}

/** Every rule by name: those of the tenant, and the built-in ones that it has not changed. A tenant has at most 100 of its own. */
export class ReviewRulesDto {
  items: ReviewRuleDto[];
}
