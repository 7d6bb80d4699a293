import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { TASK_STATUSES } from '../task/lifecycle.js';
import { queueNames } from '../task/task.sql.js';
import type { QueueRow } from './queue.dto.js';

/** Statuses that a queue's depth counts: those that have piled up by the million have no end. */
const COUNTED = TASK_STATUSES.filter((status) => status !== 'completed' && status !== 'cancelled');

/**
 * Queues by name, with counts by status. Names come from queueNames() and from what is set; counts and
 * the oldest ready task read only their own part of that index.
 */
export async function selectQueues(db: Sql, name?: string): Promise<QueueRow[]> {
  const tenantId = currentTenantId();
  const found = await sql<QueueRow>`
    with recursive ${queueNames('named')}, queue as (
      select name from tasks.queue where tenant_id = ${tenantId} union select queue from named
    )
    select n.name, q.weight, q.rate_limit, q.max_concurrent, d.depth, o.created_at as oldest_ready_at
      from queue n left join tasks.queue q on q.tenant_id = ${tenantId} and q.name = n.name
     cross join lateral (
       select jsonb_object_agg(s.status, c.count) as depth
         from unnest(${COUNTED}::text[]) as s(status)
        cross join lateral (select count(*) as count from tasks.task t where t.tenant_id = ${tenantId} and t.queue = n.name and t.status = s.status) c) d
      left join lateral (
       select t.created_at from tasks.task t where t.tenant_id = ${tenantId} and t.queue = n.name and t.status = 'ready' order by t.id limit 1) o on true
     where ${name ?? null}::text is null or n.name = ${name ?? null}
     order by n.name`.execute(db);
  return found.rows;
}

/** What is set for a queue. */
export interface QueueSettings {
  weight: number;
  rateLimit: number | null;
  maxConcurrent: number | null;
}

/** Sets a queue, with its entry. A new rate begins with a full bucket. */
export async function upsertQueue(db: Sql, name: string, { weight, rateLimit, maxConcurrent }: QueueSettings, now: Date): Promise<void> {
  const entry = insertEntry({ action: 'queue.updated', subjectType: 'queue', subjectId: name, newState: { weight, rateLimit, maxConcurrent } }, 'written');
  await sql`
    with written as (
      insert into tasks.queue as q (tenant_id, name, weight, rate_limit, tokens, refilled_at, max_concurrent, created_at, updated_at)
      values (${currentTenantId()}, ${name}, ${weight}, ${rateLimit}, ${Math.max(1, rateLimit ?? 0)}, ${now}, ${maxConcurrent}, ${now}, ${now})
      on conflict (tenant_id, name) do update
         set weight = excluded.weight, rate_limit = excluded.rate_limit, tokens = least(q.tokens, excluded.tokens), max_concurrent = excluded.max_concurrent,
             updated_at = excluded.updated_at, version = q.version + 1
      returning name
    ) ${entry}`.execute(db);
}

/** Sets the limit of a key, with its entry; the row is locked then. */
export async function upsertLimit(db: Sql, key: string, limit: number, now: Date): Promise<void> {
  const entry = insertEntry({ action: 'concurrency_limit.updated', subjectType: 'concurrency_limit', subjectId: key, newState: { limit } }, 'written');
  await sql`
    with written as (
      insert into tasks.concurrency_limit as l (tenant_id, key, max_active, created_at, updated_at)
      values (${currentTenantId()}, ${key}, ${limit}, ${now}, ${now})
      on conflict (tenant_id, key) do update set max_active = excluded.max_active, updated_at = excluded.updated_at, version = l.version + 1
      returning key
    ) ${entry}`.execute(db);
}

/** The limit of a key, by primary key. */
export async function selectLimit(db: Sql, key: string): Promise<number | undefined> {
  const found = await sql<{ limit: number }>`select max_active as "limit" from tasks.concurrency_limit where tenant_id = ${currentTenantId()} and key = ${key}`.execute(db);
  return found.rows[0]?.limit;
}
