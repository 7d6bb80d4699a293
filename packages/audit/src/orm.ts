import { domainOrm, kernelDomain } from '@agent-hive/kernel';
import { EntrySchema } from './entry.entity.js';
import { MetricDaySchema } from './metric/metric-day.entity.js';
import { PerformanceMetricSchema } from './metric/performance-metric.entity.js';
import { migrations } from './migrations/index.js';
import { ReviewRuleSchema } from './review/review-rule.entity.js';
import { SuggestionSchema } from './review/suggestion.entity.js';

/** Schema `audit`: the record. */
export const auditDomain = domainOrm({ name: 'audit', entities: [EntrySchema, PerformanceMetricSchema, MetricDaySchema, ReviewRuleSchema, SuggestionSchema], upstream: [kernelDomain], migrations });
