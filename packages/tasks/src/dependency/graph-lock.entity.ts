import { defineEntity } from '@mikro-orm/postgresql';
import { tenantId, tenantSecurity } from '@agent-hive/kernel';

/** One row a tenant: who adds an edge between tasks that exist holds it, since two edges may close a cycle that neither sees. */
export const GraphLockSchema = defineEntity({
  name: 'GraphLock',
  schema: 'tasks',
  tableName: 'graph_lock',
  ...tenantSecurity,
  properties: { tenantId: tenantId() },
});

export class GraphLock extends GraphLockSchema.class {}
GraphLockSchema.setClass(GraphLock);
