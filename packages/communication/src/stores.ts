import type { Store } from '@agent-hive/audit';

/** A message of which only is left that it was. Its digest goes, too: whoever guesses a short text could prove the guess by it. */
const REDACTED = {
  content: "''", tool_calls: 'null', tool_outputs: 'null', channel_payload: "'{}'::jsonb", message_metadata: "'{}'::jsonb", feedback_comment: 'null', payload_digest: 'null',
  content_digest: "repeat('0', 64)", redacted_at: 'coalesce(t.redacted_at, now())', redaction_reason: "'erased'",
};

const ofSession = (...columns: string[]) => ({ via: { column: 'session_id', table: 'agents.session', columns } });

/** What retention, holds and erasure know of this domain. */
export const RETENTION_STORES: readonly Store[] = [
  {
    table: 'communication.message',
    retention: 'conversation',
    isPartitioned: true,
    subjects: { agent: ofSession('agent_id'), user: ofSession('user_id'), session: { columns: ['session_id'] } },
    erasure: { agent: { how: 'blank', set: REDACTED }, user: { how: 'blank', set: REDACTED } },
  },
  {
    table: 'communication.delivery',
    retention: 'mail',
    finished: 't.settled_at is not null',
    subjects: { agent: { columns: ['agent_id'], via: { column: 'message_id', table: 'communication.agent_message', columns: ['from_agent_id', 'to_agent_id'] } } },
    erasure: { agent: { how: 'delete' } },
  },
  {
    table: 'communication.agent_message',
    retention: 'mail',
    isPartitioned: true,
    subjects: { agent: { columns: ['from_agent_id', 'to_agent_id'] } },
    erasure: { agent: { how: 'delete' } },
  },
  {
    table: 'communication.notification',
    retention: 'notification',
    subjects: { agent: { columns: ['agent_id', 'subject_id'] }, user: { columns: ['user_id', 'subject_id'] }, session: { columns: ['subject_id'] } },
    erasure: { agent: { how: 'delete' }, user: { how: 'delete' } },
  },
  { table: 'communication.subscription', subjects: { agent: { columns: ['agent_id'] } }, erasure: { agent: { how: 'delete' } } },
  { table: 'communication.inbox', subjects: { agent: { columns: ['agent_id'] } }, erasure: { agent: { how: 'keep', why: 'a counter under the id alone' } } },
];
