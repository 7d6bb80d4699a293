import { insertEntries, insertEntry, type EntryInput } from '@agent-hive/audit';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { SessionQuery, SessionRow } from './session.dto.js';
import type { SessionState } from './session.entity.js';

/** Columns of a SessionRow, from `agents.session s`. */
export const SESSION_COLUMNS = sql`s.id, s.external_id, s.name, s.platform, s.agent_id, s.user_id, s.state, s.trust_level, s.context, s.session_metadata, s.continues_id,
  s.forked_from_id, s.fork_sequence, s.last_sequence, s.last_message_at, s.tokens_used, s.started_at, s.ended_at, s.expires_at, s.created_at, s.updated_at, s.version`;

/** One session by primary key. */
export async function selectSession(db: Sql, id: string): Promise<SessionRow | undefined> {
  const found = await sql<SessionRow>`select ${SESSION_COLUMNS} from agents.session s where s.tenant_id = ${currentTenantId()} and s.id = ${id}`.execute(db);
  return found.rows[0];
}

/** Served by session_external_id_unique. */
export async function selectSessionByExternalId(db: Sql, externalId: string): Promise<SessionRow | undefined> {
  const found = await sql<SessionRow>`select ${SESSION_COLUMNS} from agents.session s where s.tenant_id = ${currentTenantId()} and s.external_id = ${externalId}`.execute(db);
  return found.rows[0];
}

/** The state is a literal of the closed list: with a parameter, a kept plan could not use an index of some states only. */
function inState(state: SessionState, now: Date): RawBuilder<unknown> {
  const over = sql`s.expires_at is not null and s.expires_at <= ${now}`;
  if (state === 'expired') return sql`(s.state = 'expired' or (s.state in ('active', 'paused') and ${over}))`;
  const named = sql`s.state = ${sql.lit(state)}`;
  return state === 'active' || state === 'paused' ? sql`${named} and not (${over})` : named;
}

function conditions(query: SessionQuery, now: Date): RawBuilder<unknown> {
  const all = [sql`s.tenant_id = ${currentTenantId()}`];
  if (query.state !== undefined) all.push(inState(query.state, now));
  if (query.agentId !== undefined) all.push(sql`s.agent_id = ${query.agentId}`);
  if (query.userId !== undefined) all.push(sql`s.user_id = ${query.userId}`);
  if (query.externalId !== undefined) all.push(sql`s.external_id = ${query.externalId}`);
  if (query.name !== undefined) all.push(sql`s.name = ${query.name}`);
  return sql.join(all, sql` and `);
}

/** A page newest first, with one row more than the page holds. Each filter has its index, which ends in the id. */
export async function selectSessions(db: Sql, query: SessionQuery, before: string | undefined, now: Date): Promise<SessionRow[]> {
  const keyset = before === undefined ? conditions(query, now) : sql`${conditions(query, now)} and s.id < ${before}::uuid`;
  const found = await sql<SessionRow>`select ${SESSION_COLUMNS} from agents.session s where ${keyset} order by s.id desc limit ${query.limit + 1}`.execute(db);
  return found.rows;
}

/** How many sessions match, whatever the page. */
export async function countSessions(db: Sql, query: SessionQuery, now: Date): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from agents.session s where ${conditions(query, now)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** What a new session is written with, in the record too. */
export interface NewSession {
  externalId: string | null;
  name: string | null;
  platform: string | null;
  agentId: string | null;
  userId: string | null;
  trustLevel: number;
  context: Record<string, unknown>;
  sessionMetadata: Record<string, unknown>;
  continues: string | null;
  forkedFrom: string | null;
  /** The last sequence that a fork shares, where its own go on. */
  forkSequence: number | null;
  expiresAt: string | null;
}

/** Writes a session and its entry of the record in one statement. Undefined when the external id is taken. */
export async function insertSession(db: Sql, session: NewSession): Promise<SessionRow | undefined> {
  const [id, now] = [newId(), new Date()];
  const entry = insertEntry({ action: 'session.created', subjectType: 'session', subjectId: id, agentId: session.agentId, sessionId: id, newState: { ...session } }, 's');
  const made = await sql<SessionRow>`
    with s as (
      insert into agents.session (tenant_id, id, external_id, name, platform, agent_id, user_id, trust_level, context, session_metadata, continues_id, forked_from_id,
                                  fork_sequence, last_sequence, expires_at, started_at, created_at, updated_at)
      values (${currentTenantId()}, ${id}, ${session.externalId}, ${session.name}, ${session.platform}, ${session.agentId}, ${session.userId}, ${session.trustLevel},
              ${JSON.stringify(session.context)}, ${JSON.stringify(session.sessionMetadata)}, ${session.continues}, ${session.forkedFrom},
              ${session.forkSequence}, ${session.forkSequence ?? 0}, ${session.expiresAt}, ${now}, ${now}, ${now})
      on conflict (tenant_id, external_id) where external_id is not null do nothing
      returning *
    ), entry as (${entry})
    select ${SESSION_COLUMNS} from s`.execute(db);
  return made.rows[0];
}

/** Locks a session for a change until the transaction ends; messages wait for it. */
export async function lockSession(db: Sql, id: string): Promise<void> {
  await sql`select 1 from agents.session where tenant_id = ${currentTenantId()} and id = ${id} for no key update`.execute(db);
}

/** How many sessions an agent has. Served by session_agent_index. */
export async function countSessionsOfAgent(db: Sql, agentId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from agents.session where tenant_id = ${currentTenantId()} and agent_id = ${agentId}`.execute(db);
  return Number(found.rows[0]!.count);
}

const BATCH = 500;

/** Takes a user who goes out of the sessions, which are locked so that they stay as they are read. Served by session_user_index. */
export async function forgetUser(db: Sql, userId: string): Promise<void> {
  const tenantId = currentTenantId();
  const found = await sql<{ id: string; agent_id: string | null }>`
    select id, agent_id from agents.session where tenant_id = ${tenantId} and user_id = ${userId} order by id for no key update`.execute(db);
  for (let from = 0; from < found.rows.length; from += BATCH) {
    const rows = found.rows.slice(from, from + BATCH);
    const entries = rows.map((row) => entryOf(row, 'session.updated', { user: userId }, { user: null }));
    await sql`
      with written as (
        update agents.session set user_id = null, version = version + 1, updated_at = ${new Date()}
         where tenant_id = ${tenantId} and id = any (${rows.map((row) => row.id)}::uuid[])
      ) ${insertEntries(entries)}`.execute(db);
  }
}

const entryOf = ({ id, agent_id }: { id: string; agent_id: string | null }, action: string, previousState: Record<string, unknown>, newState: Record<string, unknown>): EntryInput => ({
  action, subjectType: 'session', subjectId: id, sessionId: id, agentId: agent_id, previousState, newState,
});

/** Marks sessions whose time is over, the longest first, a batch at a time; returns how many. Served by session_expiry_index. Those that somebody writes to are left for the next time. */
export async function markExpired(db: Sql, now: Date): Promise<number> {
  const tenantId = currentTenantId();
  const over = await sql<{ id: string; agent_id: string | null; state: SessionState }>`
    select id, agent_id, state from agents.session
     where tenant_id = ${tenantId} and state in ('active', 'paused') and expires_at is not null and expires_at <= ${now}
     order by expires_at limit ${BATCH} for no key update skip locked`.execute(db);
  if (over.rows.length === 0) return 0;
  const entries = over.rows.map((row) => entryOf(row, 'session.expired', { state: row.state }, { state: 'expired' }));
  await sql`
    with written as (
      update agents.session set state = 'expired', ended_at = expires_at, version = version + 1, updated_at = ${now}
       where tenant_id = ${tenantId} and id = any (${over.rows.map((row) => row.id)}::uuid[])
    ) ${insertEntries(entries)}`.execute(db);
  return over.rows.length;
}
