import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** What search finds. */
export const ITEM_KINDS = ['document', 'memory'] as const;
export type ItemKind = (typeof ITEM_KINDS)[number];

/** One use of an item, and whether it helped. It outlives item, agent and task, so it carries plain ids. */
export const UsageSchema = defineEntity({
  name: 'KnowledgeUsage',
  schema: 'knowledge',
  tableName: 'usage',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    itemKind: p.text().$type<ItemKind>(),
    itemId: p.uuid(),
    agentId: p.uuid().nullable(),
    taskId: p.uuid().nullable(),
    helpful: p.boolean(),
    createdAt: createdAt(),
  },
  indexes: [
    { name: 'usage_item_index', properties: ['tenantId', 'itemId', 'id'] },
    { name: 'usage_agent_index', expression: 'create index "usage_agent_index" on "knowledge"."usage" ("tenant_id", "agent_id", "id") where agent_id is not null' },
    { name: 'usage_task_index', expression: 'create index "usage_task_index" on "knowledge"."usage" ("tenant_id", "task_id", "id") where task_id is not null' },
  ],
  checks: [{ name: 'usage_item_kind_check', expression: oneOf('item_kind', ITEM_KINDS) }],
});

export class KnowledgeUsage extends UsageSchema.class {}
UsageSchema.setClass(KnowledgeUsage);
