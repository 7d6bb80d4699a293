import type { Store } from '@agent-hive/audit';

/** A session without what was told of it. */
const SESSION = { name: 'null', external_id: 'null', context: "'{}'::jsonb", session_metadata: "'{}'::jsonb" };

/**
 * What retention, holds and erasure know of this domain. An agent's row stays, without its name, since work and messages refer to it: its
 * id is then a pseudonym. Sessions stay while their messages may; theirs is the end that an erasure brings.
 */
export const RETENTION_STORES: readonly Store[] = [
  { table: 'agents.session', subjects: { agent: { columns: ['agent_id'] }, user: { columns: ['user_id'] }, session: { columns: ['id'] } }, erasure: { agent: { how: 'blank', set: SESSION }, user: { how: 'blank', set: { ...SESSION, user_id: 'null' } } } },
  {
    table: 'agents.agent',
    subjects: { agent: { columns: ['id'] } },
    erasure: {
      agent: {
        how: 'blank',
        set: { name: "'erased'", description: 'null', external_id: 'null', config: "'{}'::jsonb", learning_metrics: "'{}'::jsonb", optimization_suggestions: "'[]'::jsonb", ai_metadata: "'{}'::jsonb" },
      },
    },
  },
  { table: 'agents.presence', subjects: { agent: { columns: ['agent_id'] } }, erasure: { agent: { how: 'blank', set: { status_reason: 'null', metrics: 'null' } } } },
  {
    table: 'agents.status_change',
    subjects: { agent: { columns: ['agent_id'] }, user: { columns: ['changed_by'], named: ['changed_by_name'] } },
    erasure: { agent: { how: 'delete' }, user: { how: 'blank', set: { changed_by: 'null', changed_by_name: "'erased'", reason: 'null' } } },
  },
  { table: 'agents.instruction', subjects: { agent: { columns: ['agent_id'] } }, erasure: { agent: { how: 'delete' } } },
  { table: 'agents.tool_grant', subjects: { agent: { columns: ['agent_id'] } }, erasure: { agent: { how: 'delete' } } },
  { table: 'agents.mcp_server_assignment', subjects: { agent: { columns: ['agent_id'] } }, erasure: { agent: { how: 'delete' } } },
  { table: 'agents.workload', subjects: { agent: { columns: ['agent_id'] } }, erasure: { agent: { how: 'delete' } } },
];
