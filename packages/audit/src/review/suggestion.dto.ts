import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import type { Effect, Evidence } from './evidence.js';
import type { RuleKind } from './review-rule.entity.js';
import { SUGGESTION_CATEGORIES, SUGGESTION_STATUSES, type SuggestionCategory, type SuggestionStatus } from './suggestion.entity.js';

/** What becomes of a suggestion. */
export class UpdateSuggestionDto {
  /** A status that may follow the present one: `accepted` or `rejected`, then `implemented`. The hive itself measures the effect afterwards. */
  @IsIn(SUGGESTION_STATUSES, oneOfMessage)
  status: SuggestionStatus;

  /** Why. */
  @IsOptional()
  @IsString()
  @Length(1, 1000)
  reason?: string | null;
}

/** Which suggestions to list, newest first. */
export class SuggestionQuery extends PageQuery {
  @IsOptional()
  @IsIn(SUGGESTION_STATUSES, oneOfMessage)
  status?: SuggestionStatus;

  @IsOptional()
  @IsIn(SUGGESTION_CATEGORIES, oneOfMessage)
  category?: SuggestionCategory;
}

/** A figure, and the values that it was made of. */
export class FigureDto {
  /** A number of errors, or a mean. */
  value: number;
  count: number;
  from: string;
  to: string;
}

/** Why something is suggested. */
export class EvidenceDto {
  kind: RuleKind;
  /** What is looked at: an error, a kind of work, or the subject of a metric. */
  subject: string;
  metricName: string | null;
  windowHours: number;
  minSamples: number;
  observed: FigureDto;
  /** The time before, where the rule compares with one. */
  baseline: FigureDto | null;
  /** What the figure should not be above. */
  limit: number;
  /** Entries of the record, the last few. */
  entryIds: string[];
}

/** What it has brought: the same figure before and after. */
export class EffectDto {
  before: FigureDto;
  after: FigureDto;
  limit: number;
}

/** Suggestion as SQL returns it. */
export interface SuggestionRow {
  id: string;
  rule_name: string;
  category: SuggestionCategory;
  fingerprint: string;
  description: string;
  evidence: Evidence;
  impact_score: number;
  status: SuggestionStatus;
  status_reason: string | null;
  implemented_at: Date | string | null;
  ended_at: Date | string | null;
  effect: Effect | null;
  created_at: Date | string;
  updated_at: Date | string;
  version: number;
}

/** Something that the hive would change. */
export class SuggestionDto {
  id: string;
  /** The rule that found it. */
  ruleName: string;
  category: SuggestionCategory;
  description: string;
  evidence: EvidenceDto;
  /** How far the figure is above the limit, 0 to 1: 1 - limit / figure. */
  impactScore: number;
  status: SuggestionStatus;
  statusReason: string | null;
  implementedAt: string | null;
  /** When it was rejected or measured. */
  endedAt: string | null;
  effect: EffectDto | null;
  /** Grows with every change; it is the ETag. */
  version: number;
  createdAt: string;
  updatedAt: string;

  static of(row: SuggestionRow): SuggestionDto {
    return {
      id: row.id,
      ruleName: row.rule_name,
      category: row.category,
      description: row.description,
      evidence: { ...row.evidence, entryIds: [...row.evidence.entryIds] },
      impactScore: row.impact_score,
      status: row.status,
      statusReason: row.status_reason,
      implementedAt: iso(row.implemented_at),
      endedAt: iso(row.ended_at),
      effect: row.effect,
      version: row.version,
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
    };
  }
}

/** A page of suggestions, newest first. */
export class SuggestionPage {
  items: SuggestionDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching suggestions, when asked for. */
  total?: number;
}
