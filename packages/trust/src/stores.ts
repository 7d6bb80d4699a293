import type { Store } from '@agent-hive/audit';

/** An interaction without what was asked. An action keeps its place, since its approval may be used; its digest would prove a guess. */
const BLANK = {
  content: "'\"erased\"'::jsonb", options: 'null', response: 'null',
  action: `case when t.action is not null then '{"name": "erased", "parameters": {}}'::jsonb end`, action_digest: "case when t.action is not null then repeat('0', 64) end",
};

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
  // Who said yes or no stands in the reason of the decision that it let through or stopped.
  {
    table: 'trust.decision',
    subjects: { user: { via: { column: 'interaction_id', table: 'trust.interaction', columns: ['responded_by_id'] } } },
    erasure: { user: { how: 'blank', set: { outcome_reason: "regexp_replace(t.outcome_reason, '^(Approved|Refused) by .*', '\\1 by a person')" } } },
  },
  {
    table: 'trust.override',
    subjects: { agent: { columns: ['agent_id'] }, user: { named: ['created_by_name'] } },
    erasure: { agent: { how: 'blank', set: { reason: "'erased'" } }, user: { how: 'unname' } },
  },
  {
    table: 'trust.freeze',
    subjects: { agent: { columns: ['agent_id'] }, user: { named: ['created_by_name', 'lifted_by_name'] } },
    erasure: { agent: { how: 'blank', set: { reason: "'erased'" } }, user: { how: 'unname' } },
  },
  { table: 'trust.incident', subjects: { agent: { columns: ['agent_id'] }, user: { named: ['reported_by_name'] } }, erasure: { agent: { how: 'delete' }, user: { how: 'unname' } } },
  {
    table: 'trust.level_change',
    subjects: { agent: { columns: ['agent_id'] }, user: { columns: ['decided_by_id'], named: ['decided_by_name'] } },
    erasure: { agent: { how: 'delete' }, user: { how: 'blank', set: { decided_by_id: 'null', decided_by_name: "'erased'" } } },
  },
  ...['trust.standing', 'trust.judged_day', 'trust.trust_metric'].map((table): Store => ({ table, subjects: { agent: { columns: ['agent_id'] } }, erasure: { agent: { how: 'delete' } } })),
  { table: 'trust.trust_policy', subjects: { user: { named: ['created_by_name'] } }, erasure: { user: { how: 'unname' } } },
  { table: 'trust.emergency_stop', subjects: { user: { named: ['started_by_name', 'lifted_by_name'] } }, erasure: { user: { how: 'unname' } } },
];
