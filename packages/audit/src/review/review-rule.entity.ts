import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, oneOf, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';

/** What a rule looks for: the same error again and again, or work (or a metric) whose mean is above that of the time before. */
export const RULE_KINDS = ['repeated_errors', 'above_baseline'] as const;
export type RuleKind = (typeof RULE_KINDS)[number];

/** What a rule consists of. */
export interface RuleSettings {
  kind: RuleKind;
  isEnabled: boolean;
  /** The figure above which there is a suggestion: a number of errors, or how many times the baseline. */
  threshold: number;
  windowHours: number;
  /** Days before the window that make the baseline; of an above_baseline only. */
  baselineDays: number | null;
  /** How many values both window and baseline need. */
  minSamples: number;
  /** The metric that is looked at, by subject; null is the durations of work, by its kind. */
  metricName: string | null;
}

/** Rules of every tenant, as long as it has no row of the same name. */
export const BUILT_IN_RULES: Readonly<Record<string, RuleSettings>> = {
  'repeated-errors': { kind: 'repeated_errors', isEnabled: true, threshold: 5, windowHours: 24, baselineDays: null, minSamples: 1, metricName: null },
  'slow-work': { kind: 'above_baseline', isEnabled: true, threshold: 1.5, windowHours: 24, baselineDays: 14, minSamples: 5, metricName: null },
};

/** A rule of self-review that a tenant made, or a built-in one as the tenant changed it. */
export const ReviewRuleSchema = defineEntity({
  name: 'ReviewRule',
  schema: 'audit',
  tableName: 'review_rule',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    name: p.text().primary(),
    kind: p.text().$type<RuleKind>(),
    isEnabled: p.boolean(),
    threshold: p.double(),
    windowHours: p.integer(),
    baselineDays: p.integer().nullable(),
    minSamples: p.integer(),
    metricName: p.text().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  checks: [
    { name: 'review_rule_name_check', expression: 'length(name) between 1 and 100' },
    { name: 'review_rule_kind_check', expression: oneOf('kind', RULE_KINDS) },
    { name: 'review_rule_threshold_check', expression: 'threshold > 0 and threshold <= 1000000000' },
    { name: 'review_rule_window_hours_check', expression: 'window_hours between 1 and 168' },
    { name: 'review_rule_baseline_days_check', expression: 'baseline_days between 1 and 28' },
    { name: 'review_rule_baseline_kind_check', expression: `(baseline_days is not null) = (kind = 'above_baseline')` },
    { name: 'review_rule_min_samples_check', expression: 'min_samples between 1 and 1000000' },
    { name: 'review_rule_metric_name_check', expression: 'length(metric_name) between 1 and 100' },
    { name: 'review_rule_metric_kind_check', expression: `metric_name is null or kind = 'above_baseline'` },
  ],
});

export class ReviewRule extends ReviewRuleSchema.class {}
ReviewRuleSchema.setClass(ReviewRule);
