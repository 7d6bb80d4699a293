import type { Store } from '@agent-hive/audit';

/** What retention, holds and erasure know of this domain. Chunks and vectors of a memory go with it. */
export const RETENTION_STORES: readonly Store[] = [
  { table: 'knowledge.usage', retention: 'knowledge_usage', subjects: { agent: { columns: ['agent_id'] } }, erasure: { agent: { how: 'keep', why: 'a count under the id alone' } } },
  { table: 'knowledge.memory', subjects: { agent: { columns: ['agent_id'] }, user: { columns: ['user_id'] } }, erasure: { agent: { how: 'delete' }, user: { how: 'delete' } } },
  { table: 'knowledge.gap', subjects: { agent: { columns: ['agent_id'] } }, erasure: { agent: { how: 'delete' } } },
  { table: 'knowledge.document_version', subjects: { user: { named: ['created_by_name'] }, agent: { named: ['created_by_name'] } }, erasure: { user: { how: 'blank', set: { created_by_name: "'erased'" } }, agent: { how: 'blank', set: { created_by_name: "'erased'" } } } },
];
