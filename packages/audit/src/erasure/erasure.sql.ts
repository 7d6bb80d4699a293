import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { insertEntry } from '../entry.sql.js';
import type { Store, SubjectMatch } from '../retention/store.js';
import { refersTo } from '../retention/subject.sql.js';
import type { StoreReceipt } from './erasure.entity.js';

/** Whom an erasure is about, with what names him in texts. */
export interface ErasedSubject {
  type: 'user' | 'agent';
  id: string;
  /** Pieces of JSON text that tell of the subject, in lower case: what names nobody else, and in quotes what does so as a whole value only. */
  parts: readonly string[];
  /** Whole values of name columns. */
  names: readonly string[];
}

/** Does to the subject's rows of a store what the store says. The record says it once, in the entry of the whole erasure. */
export async function eraseStore(db: Sql, store: Store, subject: ErasedSubject): Promise<StoreReceipt | null> {
  const [match, erasure] = [store.subjects[subject.type], store.erasure?.[subject.type]];
  if (!match || !erasure) return null;
  const receipt: StoreReceipt = { table: store.table, erased: 0, blanked: 0, kept: 0, reason: null };
  const table = sql.table(store.table);
  const where = sql`t.tenant_id = ${currentTenantId()} and ${refersTo(match, sql`${subject.id}`, subject.names)}`;
  if (erasure.how === 'keep') {
    const found = await sql<{ count: string }>`select count(*) as count from ${table} t where ${where}`.execute(db);
    return { ...receipt, kept: Number(found.rows[0]!.count), reason: erasure.why };
  }
  if (erasure.how === 'delete') return { ...receipt, erased: affected(await sql`delete from ${table} t where ${where}`.execute(db)) };
  const columns = Object.entries(erasure.set);
  const assignments = columns.map(([column, value]) => sql`${sql.ref(column)} = ${sql.raw(value)}`);
  const differs = columns.map(([column, value]) => sql`t.${sql.ref(column)} is distinct from ${sql.raw(value)}`);
  const blanked = await sql`update ${table} t set ${sql.join(assignments)} where ${where} and (${sql.join(differs, sql` or `)})`.execute(db);
  return { ...receipt, blanked: affected(blanked) };
}

/** Ids of the rows through which other rows refer to the subject. */
export async function idsThrough(db: Sql, { table, columns }: NonNullable<SubjectMatch['via']>, id: string): Promise<string[]> {
  const any = columns.map((column) => sql`v.${sql.ref(column)}::text = ${id}`);
  const found = await sql<{ id: string }>`select v.id from ${sql.table(table)} v where v.tenant_id = ${currentTenantId()} and (${sql.join(any, sql` or `)})`.execute(db);
  return found.rows.map((row) => row.id);
}

/** Entries whose payload tells of the subject. Those that only say that an erasure was done stay. */
function tellsOf({ type, id, parts }: ErasedSubject): RawBuilder<unknown> {
  const payload = sql`lower(concat_ws(' ', e.previous_state::text, e.new_state::text, e.details::text, e.actor_name, e.user_agent))`;
  const any = [sql`e.actor_id = ${id}`, sql`e.subject_id = ${id}`, sql`starts_with(e.subject_id, ${`${id}/`})`, ...parts.map((part) => sql`position(${part} in ${payload}) > 0`)];
  if (type === 'agent') any.push(sql`e.agent_id = ${id}`);
  const isBlank = sql`e.actor_name = 'erased' and num_nonnulls(e.actor_id, e.agent_id, e.session_id, e.previous_state, e.new_state, e.details, e.request_id, e.ip, e.user_agent) = 0`;
  return sql`e.tenant_id = ${currentTenantId()} and (${sql.join(any, sql` or `)}) and not (${isBlank}) and e.action not in ('user.erased', 'agent.erased')`;
}

const sealed = sql`exists (select from audit.leaf l where l.tenant_id = e.tenant_id and l.entry_id = e.id)`;
const isOwn = sql`e.xmin = pg_current_xact_id()::xid`;

/** How many of the subject's entries have no place in the log yet, those of this transaction aside. */
export async function countUnsealed(db: Sql, subject: ErasedSubject): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from audit.entry e where ${tellsOf(subject)} and not ${sealed} and not ${isOwn}`.execute(db);
  return Number(found.rows[0]!.count);
}

/**
 * The subject's entries that can be erased now: sealed ones, and those of this transaction (xmin), which nobody else sees. Another's
 * that is not sealed may be read by the sealer at this moment, which would then prove a payload that is gone.
 */
export async function erasableEntries(db: Sql, subject: ErasedSubject): Promise<string[]> {
  const found = await sql<{ id: string }>`select e.id from audit.entry e where ${tellsOf(subject)} and (${sealed} or ${isOwn})`.execute(db);
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
