import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { insertEntry } from '../entry.sql.js';
import type { Store, SubjectMatch } from '../retention/store.js';
import { holdsOn, refersTo } from '../retention/subject.sql.js';
import type { StoreReceipt } from './erasure.entity.js';

/** The record's own table, which the application cannot change. */
export const RECORD = 'audit.entry';

/** Whom an erasure is about, with what names him in texts. */
export interface ErasedSubject {
  type: 'user' | 'agent';
  id: string;
  /** Pieces of JSON text that tell of the subject, in lower case: what names nobody else, and in quotes what does so as a whole value only. */
  parts: readonly string[];
  /** Whole values of name columns. */
  names: readonly string[];
}

/** Rows `t` of a store that an erasure of the subject would change; null where the store has none. */
function changed({ subjects, erasure }: Store, subject: ErasedSubject): RawBuilder<unknown> | null {
  const [match, what] = [subjects[subject.type], erasure?.[subject.type]];
  if (!match || !what) return null;
  const about = sql`t.tenant_id = ${currentTenantId()} and ${refersTo(match, sql`${subject.id}`, subject.names)}`;
  if (what.how === 'unname') return sql`t.tenant_id = ${currentTenantId()} and ${refersTo({ ...(match.named && { named: match.named }) }, sql`null`, subject.names)}`;
  if (what.how !== 'blank') return about;
  const differs = Object.entries(what.set).map(([column, value]) => sql`t.${sql.ref(column)} is distinct from ${sql.raw(value)}`);
  return sql`${about} and (${sql.join(differs, sql` or `)})`;
}

/** Does to the subject's rows of a store what the store says. The record says it once, in the entry of the whole erasure. */
export async function eraseStore(db: Sql, store: Store, subject: ErasedSubject): Promise<StoreReceipt | null> {
  const [where, erasure] = [changed(store, subject), store.erasure?.[subject.type]];
  if (!where || !erasure) return null;
  const receipt: StoreReceipt = { table: store.table, erased: 0, blanked: 0, kept: 0, reason: null };
  const table = sql.table(store.table);
  if (erasure.how === 'keep') {
    const found = await sql<{ count: string }>`select count(*) as count from ${table} t where ${where}`.execute(db);
    return { ...receipt, kept: Number(found.rows[0]!.count), reason: erasure.why };
  }
  if (erasure.how === 'delete') return { ...receipt, erased: affected(await sql`delete from ${table} t where ${where}`.execute(db)) };
  if (erasure.how === 'unname') {
    const unnamed = (store.subjects[subject.type]?.named ?? []).map((column) => sql`${sql.ref(column)} = case when t.${sql.ref(column)} = any (${[...subject.names]}::text[]) then 'erased' else t.${sql.ref(column)} end`);
    return { ...receipt, blanked: affected(await sql`update ${table} t set ${sql.join(unnamed)} where ${where}`.execute(db)) };
  }
  const assignments = Object.entries(erasure.set).map(([column, value]) => sql`${sql.ref(column)} = ${sql.raw(value)}`);
  return { ...receipt, blanked: affected(await sql`update ${table} t set ${sql.join(assignments)} where ${where}`.execute(db)) };
}

/** Id of a legal hold, on whomever, that keeps one of the rows of the store which the erasure would change; null when none does. */
export async function holdOnStore(db: Sql, store: Store, subject: ErasedSubject, now: Date): Promise<string | null> {
  const where = store.table === RECORD ? tellsOf(subject) : changed(store, subject);
  if (!where || store.erasure?.[subject.type]?.how === 'keep') return null;
  const found = await sql<{ id: string }>`select h.id from ${sql.table(store.table)} t cross join lateral (${holdsOn(store, now)} limit 1) h where ${where} limit 1`.execute(db);
  return found.rows[0]?.id ?? null;
}

/** Ids of the rows through which other rows refer to the subject. */
export async function idsThrough(db: Sql, { table, columns }: NonNullable<SubjectMatch['via']>, id: string): Promise<string[]> {
  const any = columns.map((column) => sql`v.${sql.ref(column)}::text = ${id}`);
  const found = await sql<{ id: string }>`select v.id from ${sql.table(table)} v where v.tenant_id = ${currentTenantId()} and (${sql.join(any, sql` or `)})`.execute(db);
  return found.rows.map((row) => row.id);
}

/** Entries `t` whose payload tells of the subject. Of those that say that another was erased, only who did it. */
function tellsOf({ type, id, parts }: ErasedSubject): RawBuilder<unknown> {
  const payload = sql`lower(concat_ws(' ', t.previous_state::text, t.new_state::text, t.details::text, t.actor_name, t.user_agent))`;
  const isErasure = sql`t.action in ('user.erased', 'agent.erased')`;
  const told = [sql`t.subject_id = ${id}`, sql`starts_with(t.subject_id, ${`${id}/`})`, ...parts.map((part) => sql`position(${part} in ${payload}) > 0`)];
  if (type === 'agent') told.push(sql`t.agent_id = ${id}`);
  const isBlank = sql`t.actor_name = 'erased' and num_nonnulls(t.actor_id, t.agent_id, t.session_id, t.previous_state, t.new_state, t.details, t.request_id, t.ip, t.user_agent) = 0`;
  return sql`t.tenant_id = ${currentTenantId()} and (t.actor_id = ${id} or (not ${isErasure} and (${sql.join(told, sql` or `)}))) and not (${isBlank})`;
}

const sealed = sql`exists (select from audit.leaf l where l.tenant_id = t.tenant_id and l.entry_id = t.id)`;
const isOwn = sql`t.xmin = pg_current_xact_id()::xid`;

/** How many of the subject's entries have no place in the log yet, those of this transaction aside. Only what is not sealed is read for its text. */
export async function countUnsealed(db: Sql, subject: ErasedSubject): Promise<number> {
  const found = await sql<{ count: string }>`
    with unsealed as materialized (select t.id from audit.entry t where t.tenant_id = ${currentTenantId()} and not ${sealed} and not ${isOwn})
    select count(*) as count from audit.entry t where t.id in (select id from unsealed) and ${tellsOf(subject)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/**
 * The subject's entries that can be erased now: sealed ones, and those of this transaction (xmin), which nobody else sees. Another's
 * that is not sealed may be read by the sealer at this moment, which would then prove a payload that is gone.
 */
export async function erasableEntries(db: Sql, subject: ErasedSubject): Promise<string[]> {
  const found = await sql<{ id: string }>`select t.id from audit.entry t where ${tellsOf(subject)} and (${sealed} or ${isOwn})`.execute(db);
  return found.rows.map((row) => row.id);
}

/** Writes the receipt, with the entry of the record, and then takes the payloads of the entries: only what a receipt names can be taken. */
export async function eraseEntries(db: Sql, receipt: { id: string; subject: ErasedSubject; reason: string | null; by: string; at: Date; stores: readonly StoreReceipt[] }, ids: readonly string[]): Promise<void> {
  const { id, subject, reason, by, at, stores } = receipt;
  const tenantId = currentTenantId();
  const entry = { action: `${subject.type}.erased`, subjectType: subject.type, subjectId: subject.id, risk: 'high' as const, details: { erasureId: id, reason, stores } };
  await sql`
    with receipt as (
      insert into audit.erasure (tenant_id, id, subject_type, subject_id, reason, requested_by_name, erased_at, sequences, stores)
      select ${tenantId}::uuid, ${id}::uuid, ${subject.type}::text, ${subject.id}::uuid, ${reason}::text, ${by}::text, ${at}::timestamptz,
             coalesce((select range_agg(int8range(l.sequence, l.sequence, '[]')) from audit.leaf l where l.tenant_id = ${tenantId} and l.entry_id = any (${[...ids]}::uuid[])), '{}'), ${JSON.stringify(stores)}::jsonb
      returning id
    ) ${insertEntry(entry, 'receipt')}`.execute(db);
  await sql`select audit.erase_entries(${id}, ${[...ids]}::uuid[])`.execute(db);
}

const affected = (result: { numAffectedRows?: bigint }): number => Number(result.numAffectedRows ?? 0);
