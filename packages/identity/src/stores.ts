import type { Store } from '@agent-hive/audit';

/** What holds and erasure know of this domain. The user's own row goes by UsersService, which ends what refers to it. */
export const RETENTION_STORES: readonly Store[] = [
  { table: 'identity.user', subjects: { user: { columns: ['id'] } } },
  { table: 'identity.preference', subjects: { user: { columns: ['user_id'] } }, erasure: { user: { how: 'delete' } } },
  {
    table: 'identity.api_key',
    subjects: { user: { columns: ['user_id'] }, agent: { columns: ['agent_id'] } },
    erasure: {
      user: { how: 'blank', set: { name: "'erased'" } },
      agent: { how: 'blank', set: { name: "'erased'", revoked_at: 'coalesce(t.revoked_at, now())' } },
    },
  },
  { table: 'identity.project_state', subjects: { user: { columns: ['transitioned_by'] } }, erasure: { user: { how: 'blank', set: { transitioned_by: 'null' } } } },
];
