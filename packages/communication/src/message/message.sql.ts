import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { FeedbackDto, MessageRow } from './message.dto.js';
import type { ModelUsageDto } from './message-query.dto.js';

/** Columns of a MessageRow, from `communication.message m`. */
export const MESSAGE_COLUMNS = sql`m.id, m.session_id, m.sequence, m.role, m.message_type, m.content, m.parent_message_id, m.tokens_used, m.model_used, m.tool_calls,
  m.tool_outputs, m.channel_payload, m.message_metadata, m.content_digest, m.payload_digest, m.feedback, m.feedback_comment, m.feedback_at, m.redacted_at,
  m.redaction_reason, m.created_at, m.updated_at`;

/**
 * The months that a session `s` spans, by the ends of its messages' ids. Partitions are left out by it when the statement runs. Each end
 * is a choice so that no index can be read by it: the planner takes a range whose ends it does not know for a two hundredth of the
 * table, and would read the primary key between them, which may be all messages of the tenant.
 */
const WITHIN = sql`(m.id > s.first_message_id or m.id = s.first_message_id) and (m.id < s.last_message_id or m.id = s.last_message_id)`;

/** Which messages of one session to read. */
export interface Range {
  before: number | null;
  after: number | null;
  parentId: string | null;
  order: 'newest' | 'oldest';
  limit: number;
  /** Rows after this many bytes are left out; there is always one. */
  maxBytes: number;
}

/** What was found of a session: its own messages in the range, and where it was forked from. */
export interface Found {
  fork: { sessionId: string; upTo: number } | null;
  rows: (MessageRow & { size_bytes: number })[];
  /** Rows were left out for their size. */
  isCut: boolean;
}

interface FoundRow extends MessageRow {
  size_bytes: number;
  is_kept: boolean;
  forked_from_id: string | null;
  fork_sequence: string | number | null;
}

/**
 * A session's own messages in a range, by message_session_index (those of one parent by message_parent_index). The ids lie between the
 * session's first and last, so that only the months in between are touched. Undefined when there is no such session.
 */
export async function selectStretch(db: Sql, sessionId: string, range: Range): Promise<Found | undefined> {
  const order = sql.raw(range.order === 'newest' ? 'desc' : 'asc');
  const found = await sql<FoundRow>`
    select s.forked_from_id, s.fork_sequence, m.*
      from agents.session s
      left join lateral (
        select ${MESSAGE_COLUMNS}, m.size_bytes, m.bytes - m.size_bytes < ${range.maxBytes}::bigint as is_kept
          from (
            select m.*, sum(m.size_bytes) over (order by m.sequence ${order} rows unbounded preceding) as bytes
              from (
                select m.* from communication.message m
                 where m.tenant_id = s.tenant_id and m.session_id = s.id and ${WITHIN}
                   ${range.before === null ? sql`` : sql`and m.sequence < ${range.before}::bigint`} ${range.after === null ? sql`` : sql`and m.sequence > ${range.after}::bigint`}
                   ${range.parentId === null ? sql`` : sql`and m.parent_message_id = ${range.parentId}::uuid`}
                 order by m.sequence ${order} limit ${range.limit}::int
              ) m
          ) m
      ) m on true
     where s.tenant_id = ${currentTenantId()} and s.id = ${sessionId}`.execute(db);
  const [first] = found.rows;
  if (!first) return undefined;
  // They come in order, which nothing promises: to look is cheaper here than to sort whole rows there.
  const sign = range.order === 'newest' ? -1 : 1;
  const rows = found.rows.filter((row) => row.id !== null).sort((a, b) => sign * (Number(a.sequence) - Number(b.sequence)));
  return {
    fork: first.forked_from_id === null ? null : { sessionId: first.forked_from_id, upTo: Number(first.fork_sequence) },
    rows: rows.filter((row) => row.is_kept),
    isCut: rows.some((row) => !row.is_kept),
  };
}

/** One message by primary key, in the month of its id. */
export async function selectMessage(db: Sql, id: string): Promise<MessageRow | undefined> {
  const found = await sql<MessageRow>`select ${MESSAGE_COLUMNS} from communication.message m where m.tenant_id = ${currentTenantId()} and m.id = ${id}`.execute(db);
  return found.rows[0];
}

/** Where messages are. By primary key. */
export async function selectPlaces(db: Sql, ids: readonly string[]): Promise<{ id: string; sessionId: string; sequence: number }[]> {
  const found = await sql<{ id: string; session_id: string; sequence: string | number }>`
    select m.id, m.session_id, m.sequence from communication.message m where m.tenant_id = ${currentTenantId()} and m.id = any (${[...ids]}::uuid[])`.execute(db);
  return found.rows.map((row) => ({ id: row.id, sessionId: row.session_id, sequence: Number(row.sequence) }));
}

/** What a session's own messages cost, by model. By message_session_index, in the months that the session spans. */
export async function selectUsage(db: Sql, sessionId: string): Promise<ModelUsageDto[]> {
  const found = await sql<{ model: string | null; count: string; tokens: string }>`
    select m.*
      from agents.session s
     cross join lateral (
        select m.model_used as model, count(*) as count, coalesce(sum(m.tokens_used), 0) as tokens
          from communication.message m where m.tenant_id = s.tenant_id and m.session_id = s.id and ${WITHIN} group by m.model_used
      ) m
     where s.tenant_id = ${currentTenantId()} and s.id = ${sessionId}
     order by m.tokens desc, m.model nulls last`.execute(db);
  return found.rows.map((row) => ({ model: row.model, messageCount: Number(row.count), tokensUsed: Number(row.tokens) }));
}

/** Writes what somebody thinks of a message, with its entry. By primary key. */
export async function updateFeedback(db: Sql, id: string, { feedback, comment = null }: FeedbackDto, now: Date): Promise<MessageRow | undefined> {
  const entry = insertEntry({ action: 'message.judged', subjectType: 'message', subjectId: id, newState: { feedback, comment } }, 'm', {
    previousState: sql`jsonb_build_object('feedback', m.old_feedback, 'comment', m.old_comment)`,
    sessionId: sql`m.session_id`,
  });
  const written = await sql<MessageRow>`
    with old as (
      select id, feedback, feedback_comment from communication.message where tenant_id = ${currentTenantId()} and id = ${id} for no key update
    ), m as (
      update communication.message m set feedback = ${feedback}, feedback_comment = ${comment}, feedback_at = ${now}, updated_at = ${now}
        from old where m.tenant_id = ${currentTenantId()} and m.id = old.id and m.id = ${id}
      returning m.*, old.feedback as old_feedback, old.feedback_comment as old_comment
    ), entry as (${entry})
    select ${MESSAGE_COLUMNS} from m`.execute(db);
  return written.rows[0];
}

/** Takes away what a message says, once; its digests stay, in the record too. By primary key. */
export async function redactMessage(db: Sql, id: string, reason: string, now: Date): Promise<MessageRow | undefined> {
  const digests = sql`jsonb_build_object('contentDigest', m.content_digest, 'payloadDigest', m.payload_digest)`;
  const entry = insertEntry({ action: 'message.redacted', subjectType: 'message', subjectId: id, newState: { reason } }, 'm', { previousState: digests, sessionId: sql`m.session_id` });
  const written = await sql<MessageRow>`
    with m as (
      update communication.message m
         set content = '', tool_calls = null, tool_outputs = null, channel_payload = '{}', message_metadata = '{}', size_bytes = 0,
             redacted_at = ${now}, redaction_reason = ${reason}, updated_at = ${now}
       where m.tenant_id = ${currentTenantId()} and m.id = ${id} and m.redacted_at is null
      returning m.*
    ), entry as (${entry})
    select ${MESSAGE_COLUMNS} from m`.execute(db);
  return written.rows[0];
}
