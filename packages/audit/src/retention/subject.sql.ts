import { currentTenantId } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { Store, SubjectMatch } from './store.js';

/** Condition that the row `t` refers to the subject whose id the expression gives, as a text, or who has one of the names. */
export function refersTo({ columns = [], named = [], via }: SubjectMatch, id: RawBuilder<unknown>, names: readonly string[] = []): RawBuilder<unknown> {
  const any = columns.map((column) => sql`t.${sql.ref(column)}::text = ${id}`);
  for (const column of names.length > 0 ? named : []) any.push(sql`t.${sql.ref(column)} = any (${[...names]}::text[])`);
  if (via) {
    const through = via.columns.map((column) => sql`v.${sql.ref(column)}::text = ${id}`);
    any.push(sql`exists (select from ${sql.table(via.table)} v where v.tenant_id = ${currentTenantId()} and v.id = t.${sql.ref(via.column)} and (${sql.join(through, sql` or `)}))`);
  }
  return any.length > 0 ? sql`(${sql.join(any, sql` or `)})` : sql`false`;
}

/** Condition that a legal hold is in force. */
export const inForce = (now: Date): RawBuilder<unknown> => sql`h.tenant_id = ${currentTenantId()} and h.released_at is null and (h.until is null or h.until > ${now})`;

/** Condition that some legal hold keeps the row `t`. */
export const held = (store: Store, now: Date): RawBuilder<unknown> => sql`exists (${holdsOn(store, now)})`;

/** Ids of the legal holds that keep the row `t`. */
export function holdsOn({ subjects }: Store, now: Date): RawBuilder<unknown> {
  const about = Object.entries(subjects).map(([type, match]) => sql`h.subject_type = ${sql.lit(type)} and ${refersTo(match, sql`h.subject_id::text`)}`);
  return sql`select h.id from audit.legal_hold h where ${inForce(now)} and (${sql.join([sql`h.subject_type = 'tenant'`, ...about], sql` or `)})`;
}
