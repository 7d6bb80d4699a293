import { advanceSession, advanceSessions, type JointAdvance } from '@agent-hive/agents';
import { FACTS_RECORD, insertEntryPerRow, type EntryFacts } from '@agent-hive/audit';
import { atMost, currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { Draft, DraftMessage } from './new-message.js';

/** Columns that a draft brings, and their types. */
const COLUMNS = {
  id: 'uuid', role: 'text', message_type: 'text', content: 'text', parent_message_id: 'uuid', tokens_used: 'int', model_used: 'text', tool_calls: 'jsonb', tool_outputs: 'jsonb',
  channel_payload: 'jsonb', message_metadata: 'jsonb', size_bytes: 'int', content_digest: 'text', payload_digest: 'text',
} as const satisfies Partial<Record<keyof DraftMessage, string>>;

type Column = keyof typeof COLUMNS;
const names = Object.keys(COLUMNS) as Column[];
// As texts, since each part of a statement costs something to put together, and a message is appended often.
const FIELDS = sql.raw(names.join(', '));
const DRAFTED = sql.raw(names.map((name) => `d.${name}`).join(', '));
const RECORD = sql.raw(names.map((name) => `${name} ${COLUMNS[name]}`).join(', '));

const ONE = ['select 1::bigint as n, ', '::uuid as entry_id, ', ...names.map((name, i) => `::${COLUMNS[name]} as ${name}${i < names.length - 1 ? ', ' : ''}`)];
const ONE_TEMPLATE: TemplateStringsArray = Object.assign(ONE, { raw: ONE });

/** One message as parameters: a large text is then neither escaped here nor unescaped there. */
const one = (draft: DraftMessage): RawBuilder<unknown> =>
  sql(ONE_TEMPLATE, newId(), ...names.map((name) => (COLUMNS[name] === 'jsonb' && draft[name] !== null ? JSON.stringify(draft[name]) : draft[name])));

const several = (drafts: readonly DraftMessage[]): RawBuilder<unknown> => {
  const rows = JSON.stringify(drafts.map((draft, i) => ({ ...Object.fromEntries(names.map((name) => [name, draft[name]])), n: i + 1, entry_id: newId() })));
  return sql`select * from json_to_recordset(${rows}::json) as r(n bigint, entry_id uuid, ${RECORD})`;
};

/** Messages of one caller for one session. */
export interface Append {
  sessionId: string;
  messages: readonly DraftMessage[];
  facts: EntryFacts;
}

/** INSERT of the messages d of sessions s, behind the sequence at which each was. */
const insertedFrom = (at: RawBuilder<unknown>, from: RawBuilder<unknown>): RawBuilder<unknown> => sql`
      insert into communication.message (tenant_id, session_id, sequence, ${FIELDS}, created_at, updated_at)
      select ${currentTenantId()}::uuid, s.id, s.base + d.n, ${DRAFTED}, ${at}, ${at} from ${from}`;

/** Their entries of the record. */
const entryOf = (now: Date, from: RawBuilder<unknown>, facts?: string): RawBuilder<unknown> =>
  insertEntryPerRow(
    {
      subjectType: 'message',
      action: sql`'message.created'`,
      id: sql`d.entry_id`,
      subjectId: sql`d.id::text`,
      sessionId: sql`s.id`,
      agentId: sql`s.agent_id`,
      occurredAt: now,
      facts,
      newState: sql`jsonb_build_object('sequence', s.base + d.n, 'role', d.role, 'messageType', d.message_type, 'sizeBytes', d.size_bytes, 'contentDigest', d.content_digest, 'payloadDigest', d.payload_digest)`,
    },
    from,
  );

/** What a session's row has to know of the messages that it is about to take. */
function advanceOf(messages: readonly DraftMessage[]) {
  // Ids of one process grow, but for those of one millisecond in another thread: the ends are looked for.
  const ids = messages.map(({ id }) => id).sort();
  return { count: messages.length, firstId: ids[0]!, lastId: ids.at(-1)!, tokens: messages.reduce((sum, { tokens_used }) => sum + (tokens_used ?? 0), 0) };
}

/**
 * Appends messages to a session: its row gives the sequences and is held until the end of the transaction, and each message leaves an
 * entry of the record by reference and digest. One statement; null when the session did not advance. Their sequences begin behind what
 * it returns.
 */
export async function appendMessages(db: Sql, sessionId: string, { messages, expectedSequence }: Draft, now: Date): Promise<number | null> {
  const appended = await sql<{ base: string | number }>`
    with s as (${advanceSession({ sessionId, ...advanceOf(messages), expectedSequence, now })}
    ), draft as (${messages.length === 1 ? one(messages[0]!) : several(messages)}
    ), message as (
      ${insertedFrom(sql`${now}::timestamptz`, sql`s cross join draft d`)}
    ), entry as (${entryOf(now, sql`s cross join draft d`)})
    select base from s`.execute(db);
  const row = appended.rows[0];
  return row ? Number(row.base) : null;
}

/**
 * Appends for several callers in one statement, for no sequence in particular: those of one session stand together, in their order, and are
 * of one actor. Returns the sequence behind which each call's messages begin; null where the session did not advance.
 */
export async function appendTogether(db: Sql, appends: readonly Append[]): Promise<(number | null)[]> {
  const sessions = Map.groupBy(appends, ({ sessionId }) => sessionId);
  const advances = [...sessions].map(([sessionId, calls]): JointAdvance => {
    const { actorType, actorId } = calls[0]!.facts;
    const messages = calls.flatMap((call) => call.messages);
    return { sessionId, actorType, actorId, now: messages.at(-1)!.created_at, ...advanceOf(messages) };
  });
  const starts = new Map<Append, number>();
  const rows = [...sessions].flatMap(([sessionId, calls]) => {
    let n = 0;
    return calls.flatMap((call) => {
      starts.set(call, n);
      return call.messages.map((message) => ({ ...Object.fromEntries(names.map((name) => [name, message[name]])), ...call.facts, session_id: sessionId, created_at: message.created_at, n: ++n, entry_id: newId() }));
    });
  });
  const appended = await sql<{ id: string; base: string | number }>`
    with ${advanceSessions(advances)}, draft as (
      select * from json_to_recordset(${JSON.stringify(rows)}::json) as r(session_id uuid, n bigint, entry_id uuid, created_at timestamptz, ${RECORD}, ${FACTS_RECORD}) ${atMost(rows.length)}
    ), message as (${insertedFrom(sql`d.created_at`, sql`s join draft d on d.session_id = s.id`)}
    ), entry as (${entryOf(appends.at(-1)!.messages[0]!.created_at, sql`s join draft d on d.session_id = s.id`, 'd')})
    select id, base from s`.execute(db);
  const bases = new Map(appended.rows.map(({ id, base }) => [id, Number(base)]));
  return appends.map((append) => {
    const base = bases.get(append.sessionId);
    return base === undefined ? null : base + starts.get(append)!;
  });
}
