import type { Store } from '@agent-hive/audit';

const BLANK = { content: "'\"erased\"'::jsonb", options: 'null', response: 'null' };

/** What retention, holds and erasure know of this domain. */
export const RETENTION_STORES: readonly Store[] = [
  {
    table: 'trust.interaction',
    retention: 'interaction',
    finished: `t.status <> 'pending'`,
    subjects: { agent: { columns: ['agent_id', 'subject_id'] }, user: { columns: ['responded_by_id', 'subject_id'], named: ['responded_by_name'] }, session: { columns: ['session_id', 'subject_id'] } },
    erasure: {
      agent: { how: 'blank', set: BLANK },
      user: { how: 'blank', set: { response: 'null', responded_by_id: 'null', responded_by_name: "'erased'" } },
    },
  },
  {
    table: 'trust.decision',
    retention: 'decision',
    isPartitioned: true,
    subjects: { agent: { columns: ['agent_id'] }, user: { columns: ['feedback_by_id'] }, session: { columns: ['session_id'] } },
    erasure: {
      agent: { how: 'blank', set: { input_context: "'{}'::jsonb", decision_rationale: 'null', action_taken: "'{}'::jsonb", feedback_comment: 'null' } },
      user: { how: 'blank', set: { feedback_comment: 'null', feedback_by_id: 'null', feedback_by_name: "'erased'" } },
    },
  },
  ...(['override', 'freeze'] as const).map((table): Store => ({
    table: `trust.${table}`,
    subjects: { agent: { columns: ['agent_id'] } },
    erasure: { agent: { how: 'blank', set: { reason: "'erased'" } } },
  })),
  { table: 'trust.incident', subjects: { agent: { columns: ['agent_id'] } }, erasure: { agent: { how: 'delete' } } }, // its rows are never changed
];
