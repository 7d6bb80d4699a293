import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsInt, IsNumber, IsObject, IsOptional, Length, Max, Min, ValidateIf, ValidateNested } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, IsLine, oneOfMessage } from '@agent-hive/kernel/http';
import { PRESET_NAMES, type Policy, type PresetName, type Thresholds } from './thresholds.js';

/** Shares have four decimals at most. */
const SHARE = { maxDecimalPlaces: 4 } as const;

/** What an agent needs for one level, and what it loses it by. */
export class LevelThresholdsDto {
  /** The least lower bound (Wilson, 95 %) of approved decisions that leads to the level, 0 to 1. */
  @IsNumber(SHARE)
  @Min(0)
  @Max(1)
  promoteAt: number;

  /** The lower bound below which it is lost, 0 to 1; less than `promoteAt`. */
  @IsNumber(SHARE)
  @Min(0)
  @Max(1)
  demoteBelow: number;

  /** The least number of judged decisions, 1 to 100,000. */
  @IsInt()
  @Min(1)
  @Max(100_000)
  minDecisions: number;

  /** The least share of approved ones among these, 0 to 1. */
  @IsNumber(SHARE)
  @Min(0)
  @Max(1)
  minSuccessRate: number;

  /** Days over which decisions are counted, 1 to 365; null for the window. */
  @ValidateIf((_, value) => value !== null)
  @IsInt()
  @Min(1)
  @Max(365)
  days: number | null;
}

/** By what levels are given and taken. */
export class ThresholdsDto {
  /** Of L1 and the levels above it, in turn, 1 to 4; one that is not listed is only given by an override. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(4)
  @ValidateNested({ each: true })
  @Type(() => LevelThresholdsDto)
  levels: LevelThresholdsDto[];

  /** How many of the last judged decisions count, 10 to 1,000. */
  @IsInt()
  @Min(10)
  @Max(1000)
  windowSize: number;

  /** The share of rejected ones above which a level is lost, 0 to 1. */
  @IsNumber(SHARE)
  @Min(0)
  @Max(1)
  maxRejectionRate: number;

  /** The expected calibration error above which a level is lost, 0 to 1. */
  @IsNumber(SHARE)
  @Min(0)
  @Max(1)
  maxCalibrationError: number;

  /** The least number of judged decisions, and of stated confidences, by which a level is taken, 1 to 1,000. */
  @IsInt()
  @Min(1)
  @Max(1000)
  minSamples: number;

  /** Judged decisions between two changes, 0 to 1,000. */
  @IsInt()
  @Min(0)
  @Max(1000)
  cooldownDecisions: number;

  /** Seconds between two changes, 0 to 31,536,000. */
  @IsInt()
  @Min(0)
  @Max(31_536_000)
  cooldownSeconds: number;

  /** Days without a judged decision after which a level is lost, 1 to 3,650. */
  @IsInt()
  @Min(1)
  @Max(3650)
  inactivityDays: number;
}

/** A new version of the policy: a preset, or thresholds of one's own. */
export class PutTrustPolicyDto {
  /** `default` or `conservative`. */
  @ValidateIf(given)
  @IsIn(PRESET_NAMES, oneOfMessage)
  preset?: PresetName;

  /** How the version is called; by default as its preset, or `custom`. */
  @IsOptional()
  @IsLine()
  @Length(1, 100)
  name?: string;

  /** All thresholds, where no preset is named. */
  @ValidateIf(given)
  @IsObject()
  @ValidateNested()
  @Type(() => ThresholdsDto)
  thresholds?: ThresholdsDto;
}

/** A version of the policy as SQL returns it. */
export interface TrustPolicyRow {
  version: number;
  name: string;
  thresholds: Thresholds;
  created_by_name: string;
  created_at: Date | string;
}

/** One version of the policy. */
export class TrustPolicyDto {
  /** Grows by one; 0 is what holds in a tenant that has set none. */
  version: number;
  name: string;
  thresholds: ThresholdsDto;
  createdBy: string | null;
  createdAt: string | null;

  static of(policy: Policy & Partial<Pick<TrustPolicyRow, 'created_by_name' | 'created_at'>>): TrustPolicyDto {
    return { version: policy.version, name: policy.name, thresholds: policy.thresholds, createdBy: policy.created_by_name ?? null, createdAt: policy.created_at === undefined ? null : iso(policy.created_at) };
  }
}

/** A page of the versions, the one in force first. */
export class TrustPolicyPage {
  items: TrustPolicyDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all versions, when asked for. */
  total?: number;
}
