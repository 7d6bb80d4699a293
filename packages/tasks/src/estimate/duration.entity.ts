import { defineEntity, p } from '@mikro-orm/postgresql';
import { moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** Whose completed attempts a figure rests on: those of a type of tasks, of an agent at that type, or of a type with a required capability. */
export const GROUPINGS = ['type', 'agent', 'capability'] as const;
export type Grouping = (typeof GROUPINGS)[number];

/**
 * Completed attempts that durations and scores rest on at least. Of 10, the true median lies between the second shortest and
 * the second longest with 97.9 % confidence (binomial: 1 - 2 * 11 / 2^10); of fewer, single attempts decide.
 */
export const MIN_SAMPLES = 10;

/** Longest duration that counts: what a prediction, an integer of milliseconds, can say (24.8 days). */
export const DURATION_MAX_MS = 2 ** 31 - 1;

/** Quantiles of how long completed attempts of the last `windowSeconds` took, as found at `measuredAt`, when they last changed. Derived figures: refreshed as a whole. */
export const DurationSchema = defineEntity({
  name: 'TaskDuration',
  schema: 'tasks',
  tableName: 'duration',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    type: p.text().primary(),
    grouping: p.text().primary().$type<Grouping>(),
    /** The agent's id or the capability's name; empty for the type as a whole. */
    member: p.text().primary(),
    samples: p.integer(),
    failures: p.integer(),
    p50Ms: p.double().name('p50_ms').nullable(),
    p90Ms: p.double().name('p90_ms').nullable(),
    p99Ms: p.double().name('p99_ms').nullable(),
    /** 0 to 10: how long its attempts take and how many of them fail. */
    complexityScore: p.double().nullable(),
    windowSeconds: p.integer(),
    measuredAt: moment(),
  },
  checks: [
    { name: 'duration_complexity_score_check', expression: 'complexity_score between 0 and 10' },
    { name: 'duration_grouping_check', expression: oneOf('grouping', GROUPINGS) },
    { name: 'duration_samples_check', expression: 'samples >= 0 and failures >= 0' },
    { name: 'duration_quantiles_check', expression: 'p50_ms >= 0 and p90_ms >= p50_ms and p99_ms >= p90_ms' },
  ],
});

export class TaskDuration extends DurationSchema.class {}
DurationSchema.setClass(TaskDuration);
