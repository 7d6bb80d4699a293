import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { KnowledgeUsageQuery, UsageRow } from './usage.dto.js';
import type { ItemKind } from './usage.entity.js';

/** How an item did. */
export interface MarkRow {
  usage_count: number;
  helpful_count: number;
  last_used_at: Date | string | null;
}

/** What an item is, and whose; by primary keys. */
export async function selectItem(db: Sql, id: string): Promise<{ kind: ItemKind; agent_id: string | null; user_id: string | null } | undefined> {
  const found = await sql<{ kind: ItemKind; agent_id: string | null; user_id: string | null }>`
    select 'document' as kind, null::uuid as agent_id, null::uuid as user_id from knowledge.document where tenant_id = ${currentTenantId()} and id = ${id}
    union all
    select 'memory', agent_id, user_id from knowledge.memory where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db);
  return found.rows[0];
}

/** Writes a use with its entry, and counts it at the item, whose version stays; by primary keys. Nothing when the item is gone. */
export async function insertUsage(db: Sql, usage: UsageRow): Promise<MarkRow | undefined> {
  const { id, item_kind: kind, item_id: itemId, agent_id: agentId, task_id: taskId, helpful, created_at: now } = usage;
  const entry = insertEntry({ action: `${kind}.used`, subjectType: kind, subjectId: itemId, agentId, newState: { usageId: id, taskId, helpful } }, 'item');
  const found = await sql<MarkRow>`
    with item as (
      update ${sql.table(`knowledge.${kind}`)} set usage_count = usage_count + 1, helpful_count = helpful_count + ${helpful ? 1 : 0}::int, last_used_at = greatest(last_used_at, ${now}::timestamptz)
       where tenant_id = ${currentTenantId()} and id = ${itemId}
      returning usage_count, helpful_count, last_used_at
    ), made as (
      insert into knowledge.usage (tenant_id, id, item_kind, item_id, agent_id, task_id, helpful, created_at)
      select ${currentTenantId()}::uuid, ${id}::uuid, ${kind}, ${itemId}::uuid, ${agentId}::uuid, ${taskId}::uuid, ${helpful}::boolean, ${now}::timestamptz from item
    ), entry as (${entry})
    select * from item`.execute(db);
  return found.rows[0];
}

function conditions({ itemId, agentId, taskId }: KnowledgeUsageQuery): RawBuilder<unknown> {
  const all = [sql`tenant_id = ${currentTenantId()}`];
  if (itemId !== undefined) all.push(sql`item_id = ${itemId}`);
  if (agentId !== undefined) all.push(sql`agent_id = ${agentId}`);
  if (taskId !== undefined) all.push(sql`task_id = ${taskId}`);
  return sql.join(all, sql` and `);
}

/** A page of uses, newest first, with one more than it holds. Indexes of item, agent and task end in the id. */
export async function selectUsages(db: Sql, query: KnowledgeUsageQuery, before: string | undefined): Promise<UsageRow[]> {
  const older = before === undefined ? sql`true` : sql`id < ${before}::uuid`;
  const found = await sql<UsageRow>`
    select id, item_kind, item_id, agent_id, task_id, helpful, created_at from knowledge.usage where ${conditions(query)} and ${older} order by id desc limit ${query.limit + 1}`.execute(db);
  return found.rows;
}

/** How many uses match, whatever the page. */
export async function countUsages(db: Sql, query: KnowledgeUsageQuery): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from knowledge.usage where ${conditions(query)}`.execute(db);
  return Number(found.rows[0]!.count);
}
