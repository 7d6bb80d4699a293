import { advanceSession } from '@agent-hive/agents';
import { insertEntryPerRow } from '@agent-hive/audit';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
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

/**
 * Appends messages to a session: its row gives the sequences and is held until the end of the transaction, and each message leaves an
 * entry of the record by reference and digest. One statement; null when the session did not advance. Their sequences begin behind what
 * it returns.
 */
export async function appendMessages(db: Sql, sessionId: string, { messages, expectedSequence }: Draft, now: Date): Promise<number | null> {
  const tenantId = currentTenantId();
  // Ids of one process grow, but for those of one millisecond in another thread: the ends are looked for.
  const ids = messages.map(({ id }) => id).sort();
  const tokens = messages.reduce((sum, { tokens_used }) => sum + (tokens_used ?? 0), 0);
  const entry = insertEntryPerRow(
    {
      subjectType: 'message',
      action: sql`'message.created'`,
      id: sql`d.entry_id`,
      subjectId: sql`d.id::text`,
      sessionId: sql`s.id`,
      agentId: sql`s.agent_id`,
      occurredAt: now,
      newState: sql`jsonb_build_object('sequence', s.base + d.n, 'role', d.role, 'messageType', d.message_type, 'sizeBytes', d.size_bytes, 'contentDigest', d.content_digest, 'payloadDigest', d.payload_digest)`,
    },
    sql`s cross join draft d`,
  );
  const appended = await sql<{ base: string | number }>`
    with s as (${advanceSession({ sessionId, count: messages.length, firstId: ids[0]!, lastId: ids.at(-1)!, tokens, expectedSequence, now })}
    ), draft as (${messages.length === 1 ? one(messages[0]!) : several(messages)}
    ), message as (
      insert into communication.message (tenant_id, session_id, sequence, ${FIELDS}, created_at, updated_at)
      select ${tenantId}::uuid, s.id, s.base + d.n, ${DRAFTED}, ${now}::timestamptz, ${now}::timestamptz from s cross join draft d
    ), entry as (${entry})
    select base from s`.execute(db);
  const row = appended.rows[0];
  return row ? Number(row.base) : null;
}
