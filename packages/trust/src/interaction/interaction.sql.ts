import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { InteractionQuery } from './interaction.dto.js';
import type { InteractionRow } from './interaction-view.dto.js';

/** Columns of an InteractionRow, from `trust.interaction i`. */
export const INTERACTION_COLUMNS = sql`i.id, i.type, i.status, i.subject_type, i.subject_id, i.agent_id, i.session_id, i.content, i.options, i.priority, i.action, i.action_digest,
  i.response, i.responded_at, i.responded_by_id, i.responded_by_name, i.used_at, i.expires_at, i.created_at, i.updated_at`;

const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));

/** Writes an interaction and its entry in one statement. Breaks a foreign key where there is no such agent. */
export async function insertInteraction(db: Sql, row: InteractionRow): Promise<void> {
  const { id, type, content, options, priority } = row;
  const newState = { type, status: row.status, subjectType: row.subject_type, subjectId: row.subject_id, content, options, priority, action: row.action, actionDigest: row.action_digest, expiresAt: row.expires_at };
  const entry = insertEntry({ action: 'interaction.created', subjectType: 'interaction', subjectId: id, agentId: row.agent_id, sessionId: row.session_id, newState });
  await sql`
    with entry as (${entry})
    insert into trust.interaction (tenant_id, id, type, status, subject_type, subject_id, agent_id, session_id, content, options, priority, action, action_digest, expires_at, created_at, updated_at)
    values (${currentTenantId()}, ${id}, ${type}, ${row.status}, ${row.subject_type}, ${row.subject_id}, ${row.agent_id}, ${row.session_id}, ${json(content)}, ${json(options)}, ${priority},
            ${json(row.action)}, ${row.action_digest}, ${row.expires_at}, ${row.created_at}, ${row.updated_at})`.execute(db);
}

/** One interaction by primary key. */
export async function selectInteraction(db: Sql, id: string): Promise<InteractionRow | undefined> {
  const found = await sql<InteractionRow>`select ${INTERACTION_COLUMNS} from trust.interaction i where i.tenant_id = ${currentTenantId()} and i.id = ${id}`.execute(db);
  return found.rows[0];
}

/**
 * One interaction that nobody changes until the transaction ends; `update` for who will change it. What only refers to it,
 * by a foreign key, is not in the way: its key never changes.
 */
export async function lockInteraction(db: Sql, id: string, lock: 'share' | 'update'): Promise<InteractionRow | undefined> {
  const strength = lock === 'share' ? sql`for share` : sql`for no key update`;
  const found = await sql<InteractionRow>`select ${INTERACTION_COLUMNS} from trust.interaction i where i.tenant_id = ${currentTenantId()} and i.id = ${id} ${strength}`.execute(db);
  return found.rows[0];
}

/** Rows that are pending in the table and over by time: no sweep has come by yet. */
const lapsed = (now: Date): RawBuilder<unknown> => sql`i.status = 'pending' and i.expires_at <= ${now}`;

const stored = (query: InteractionQuery, now: Date): RawBuilder<unknown> =>
  query.status === undefined ? sql`true` : query.status === 'pending' ? sql`i.status = 'pending' and (i.expires_at is null or i.expires_at > ${now})` : sql`i.status = ${query.status}`;

function conditions({ type, agentId, sessionId, subjectType, subjectId }: InteractionQuery): RawBuilder<unknown> {
  const all = [sql`i.tenant_id = ${currentTenantId()}`];
  if (type !== undefined) all.push(sql`i.type = ${type}`);
  if (agentId !== undefined) all.push(sql`i.agent_id = ${agentId}`);
  if (sessionId !== undefined) all.push(sql`i.session_id = ${sessionId}`);
  if (subjectId !== undefined) all.push(sql`i.subject_id = ${subjectId}`);
  if (subjectType !== undefined) all.push(sql`i.subject_type = ${subjectType}`);
  return sql.join(all, sql` and `);
}

/** Where a page begins: behind an id or, in the order of priority, behind both. */
export type InteractionKey = { id: string; priority?: number } | undefined;

/**
 * A page with one row more than it holds, newest first, or the most urgent first. Each filter has an index that ends in the
 * id; of expired ones, those that no sweep has marked yet are found by interaction_expiry_index.
 */
export async function selectInteractions(db: Sql, query: InteractionQuery, after: InteractionKey, now: Date): Promise<InteractionRow[]> {
  const limit = query.limit + 1;
  const page = (status: RawBuilder<unknown>, beyond: RawBuilder<unknown>, order: RawBuilder<unknown>) =>
    sql<InteractionRow>`select ${INTERACTION_COLUMNS} from trust.interaction i where ${conditions(query)} and ${status} and ${beyond} order by ${order} limit ${limit}`;
  const older = after === undefined ? sql`true` : sql`i.id < ${after.id}::uuid`;
  const newest = sql`i.id desc`;
  if (query.order === 'priority') {
    const next = after === undefined ? sql`true` : sql`i.priority <= ${after.priority} and (i.priority < ${after.priority} or i.id > ${after.id}::uuid)`;
    return (await page(stored(query, now), next, sql`i.priority desc, i.id`).execute(db)).rows;
  }
  const first = page(stored(query, now), older, newest);
  const found = await (query.status === 'expired' ? sql<InteractionRow>`select i.* from ((${first}) union all (${page(lapsed(now), older, newest)})) i order by i.id desc limit ${limit}` : first).execute(db);
  return found.rows;
}

/** How many interactions match, whatever the page. */
export async function countInteractions(db: Sql, query: InteractionQuery, now: Date): Promise<number> {
  const status = query.status === 'expired' ? sql`(${stored(query, now)} or ${lapsed(now)})` : stored(query, now);
  const found = await sql<{ count: string }>`select count(*) as count from trust.interaction i where ${conditions(query)} and ${status}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** How many interactions an agent has asked for. Served by interaction_agent_index. */
export async function countInteractionsOfAgent(db: Sql, agentId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from trust.interaction where tenant_id = ${currentTenantId()} and agent_id = ${agentId}`.execute(db);
  return Number(found.rows[0]!.count);
}

/**
 * Takes a user who is about to be deleted out of the answers, which stay; the record keeps how many those were. Served by
 * interaction_responded_by_index.
 */
export async function forgetResponder(db: Sql, userId: string, now: Date): Promise<void> {
  const entry = insertEntry({ action: 'interaction.responder_forgotten', subjectType: 'user', subjectId: userId }, 'told', { newState: sql`jsonb_build_object('interactions', told.count)` });
  await sql`
    with forgotten as (
      update trust.interaction set responded_by_id = null, responded_by_name = null, updated_at = ${now} where tenant_id = ${currentTenantId()} and responded_by_id = ${userId}
      returning id
    ), told as (
      select count(*) as count from forgotten having count(*) > 0
    )
    ${entry}`.execute(db);
}
