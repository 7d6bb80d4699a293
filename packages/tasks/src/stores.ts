import type { Store } from '@agent-hive/audit';

/** What retention, holds and erasure know of this domain. Tasks themselves stay: they name agents by id alone, a pseudonym once the agent is erased. */
export const RETENTION_STORES: readonly Store[] = [
  { table: 'tasks.attempt', retention: 'work', finished: 't.ended_at is not null', subjects: { agent: { columns: ['agent_id'] } }, erasure: { agent: { how: 'blank', set: { error: 'null' } } } },
  {
    table: 'tasks.assignment',
    retention: 'work',
    finished: 't.outcome is not null',
    subjects: { agent: { columns: ['agent_id'] }, user: { named: ['decided_by'] } },
    erasure: { agent: { how: 'blank', set: { candidates: "'[]'::jsonb", reason: "'erased'", prediction: 'null' } }, user: { how: 'blank', set: { decided_by: "'erased'" } } },
  },
];
