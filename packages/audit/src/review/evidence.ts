import type { RuleKind } from './review-rule.entity.js';

/** A figure, and the values that it was made of. */
export interface Figure {
  /** A number of errors, or a mean; 0 of no values. */
  value: number;
  count: number;
  from: string;
  to: string;
}

/** Why something is suggested. */
export interface Evidence {
  kind: RuleKind;
  /** What is looked at: an error, a kind of work, or the subject of a metric. */
  subject: string;
  metricName: string | null;
  windowHours: number;
  minSamples: number;
  observed: Figure;
  /** The time before, where the rule compares with one. */
  baseline: Figure | null;
  /** What the figure should not be above. */
  limit: number;
  /** Ids of entries of the record, the last few. */
  entryIds: readonly string[];
}

/** What an implemented suggestion has brought: the same figure before and after. */
export interface Effect {
  before: Figure;
  after: Figure;
  limit: number;
}
