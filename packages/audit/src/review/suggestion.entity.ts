import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, moment, oneOf, Refused, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import type { Effect, Evidence } from './evidence.js';

/** What would be better afterwards. */
export const SUGGESTION_CATEGORIES = ['reliability', 'performance'] as const;
export type SuggestionCategory = (typeof SUGGESTION_CATEGORIES)[number];

/** Everything that a suggestion can be. The hive alone finds out what it has brought. */
export const SUGGESTION_STATUSES = ['open', 'accepted', 'rejected', 'implemented', 'verified', 'no_effect'] as const;
export type SuggestionStatus = (typeof SUGGESTION_STATUSES)[number];

/** From each status, those that a caller may choose. */
export const SUGGESTION_TRANSITIONS: Readonly<Record<SuggestionStatus, readonly SuggestionStatus[]>> = {
  open: ['accepted', 'rejected'],
  accepted: ['implemented', 'rejected'],
  rejected: [],
  implemented: [],
  verified: [],
  no_effect: [],
};

/** Statuses in which the same thing is not suggested again. */
export const LIVE_STATUSES = ['open', 'accepted', 'implemented'] as const satisfies readonly SuggestionStatus[];

/** Something that the hive would change, with the evidence. Of one thing there is one live suggestion at a time. */
export const SuggestionSchema = defineEntity({
  name: 'OptimizationSuggestion',
  schema: 'audit',
  tableName: 'optimization_suggestion',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    ruleName: p.text(),
    category: p.text().$type<SuggestionCategory>(),
    /** Rule and what it found: the same, however often it is found. */
    fingerprint: p.text(),
    description: p.text(),
    evidence: p.json<Evidence>().columnType('jsonb'), // figure, window, baseline, limit, and ids of entries
    impactScore: p.double(),
    status: p.text().$type<SuggestionStatus>().default('open'),
    statusReason: p.text().nullable(),
    implementedAt: moment().nullable(),
    endedAt: moment().nullable(),
    effect: p.json<Effect>().columnType('jsonb').nullable(), // the figure before and after
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  uniques: [
    {
      name: 'optimization_suggestion_live_unique',
      expression: `create unique index "optimization_suggestion_live_unique" on "audit"."optimization_suggestion" ("tenant_id", "fingerprint") where status in ('open', 'accepted', 'implemented')`,
    },
  ],
  indexes: [
    { name: 'optimization_suggestion_status_index', properties: ['tenantId', 'status', 'id'] },
    { name: 'optimization_suggestion_category_index', properties: ['tenantId', 'category', 'id'] },
    { name: 'optimization_suggestion_fingerprint_index', properties: ['tenantId', 'fingerprint', 'endedAt'] },
  ],
  checks: [
    { name: 'optimization_suggestion_category_check', expression: oneOf('category', SUGGESTION_CATEGORIES) },
    { name: 'optimization_suggestion_status_check', expression: oneOf('status', SUGGESTION_STATUSES) },
    { name: 'optimization_suggestion_fingerprint_check', expression: 'length(fingerprint) between 1 and 1000' },
    { name: 'optimization_suggestion_description_check', expression: 'length(description) between 1 and 2000' },
    { name: 'optimization_suggestion_status_reason_check', expression: 'length(status_reason) between 1 and 1000' },
    { name: 'optimization_suggestion_evidence_check', expression: jsonType('evidence', 'object') },
    { name: 'optimization_suggestion_effect_check', expression: jsonType('effect', 'object') },
    { name: 'optimization_suggestion_measured_check', expression: `(effect is not null) = (status = 'verified' or status = 'no_effect')` },
    { name: 'optimization_suggestion_impact_score_check', expression: 'impact_score between 0 and 1' },
    { name: 'optimization_suggestion_ended_at_check', expression: `(ended_at is null) = (status = 'open' or status = 'accepted' or status = 'implemented')` },
  ],
});

export class OptimizationSuggestion extends SuggestionSchema.class {
  /** Goes to a status that a caller may choose after the present one; to be in it already is no change. Throws Refused with what may follow. */
  moveTo(to: SuggestionStatus, reason: string | null, at: Date): void {
    const from: SuggestionStatus = this.status;
    if (to === from) return;
    const allowed = SUGGESTION_TRANSITIONS[from];
    if (!allowed.includes(to)) {
      const next = allowed.length > 0 ? `it can become ${allowed.join(' or ')}` : from === 'implemented' ? 'the hive measures what it brings' : 'it is settled';
      throw new Refused(`suggestion ${this.id} is ${from} and cannot become ${to}: ${next}`, 'illegal-transition', { from, to, allowed });
    }
    this.status = to;
    this.statusReason = reason;
    if (to === 'implemented') this.implementedAt = at;
    if (to === 'rejected') this.endedAt = at;
  }
}
SuggestionSchema.setClass(OptimizationSuggestion);
