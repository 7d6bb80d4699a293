import { defineEntity, p } from '@mikro-orm/postgresql';
import { id, moment, oneOf, Refused, requireContext, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { SUBJECT_TYPES, type SubjectType } from '../retention/store.js';

/** While a hold is in force, nothing about its subject is deleted or erased, whatever the policies say. */
export const LegalHoldSchema = defineEntity({
  name: 'LegalHold',
  schema: 'audit',
  tableName: 'legal_hold',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    subjectType: p.text().$type<SubjectType>(),
    subjectId: p.uuid(),
    reason: p.text(),
    until: moment().nullable(), // null: until it is released
    placedByName: p.text(),
    placedAt: moment(),
    releasedAt: moment().nullable(),
    releasedByName: p.text().nullable(),
    releaseReason: p.text().nullable(),
  },
  indexes: [{ name: 'legal_hold_subject_index', expression: `create index "legal_hold_subject_index" on "audit"."legal_hold" ("tenant_id", "subject_type", "subject_id") where released_at is null` }],
  checks: [
    { name: 'legal_hold_subject_type_check', expression: oneOf('subject_type', SUBJECT_TYPES) },
    { name: 'legal_hold_reason_check', expression: 'length(reason) between 1 and 2000 and length(release_reason) between 1 and 2000' },
    { name: 'legal_hold_until_check', expression: 'until > placed_at' },
    { name: 'legal_hold_released_check', expression: '(released_at is null) = (release_reason is null) and (released_at is null) = (released_by_name is null)' },
  ],
});

export class LegalHold extends LegalHoldSchema.class {
  /** Ends the hold. Throws Refused when it is released already. */
  release(reason: string, at: Date): void {
    if (this.releasedAt) throw new Refused(`legal hold ${this.id} was released at ${this.releasedAt.toISOString()}: it cannot be released again`, 'hold-released');
    this.releasedAt = at;
    this.releaseReason = reason;
    this.releasedByName = requireContext().principal.actor.name;
  }
}
LegalHoldSchema.setClass(LegalHold);
