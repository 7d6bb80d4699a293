import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { GapQuery, GapRow } from './search.dto.js';

/** Counts a question without an answer; one that is new gets an entry. By gap_digest_unique. */
export async function countGap(db: Sql, { query, digest, agentId }: { query: string; digest: string; agentId: string | null }, now: Date): Promise<void> {
  const id = newId();
  const entry = insertEntry({ action: 'gap.found', subjectType: 'gap', subjectId: id, agentId, newState: { query } }, 'made');
  await sql`
    with counted as (
      insert into knowledge.gap (tenant_id, id, digest, query, asked_count, agent_id, first_asked_at, last_asked_at)
      values (${currentTenantId()}, ${id}, ${digest}, ${query}, 1, ${agentId}, ${now}, ${now})
      on conflict (tenant_id, digest) do update set asked_count = gap.asked_count + 1, agent_id = excluded.agent_id, last_asked_at = greatest(gap.last_asked_at, excluded.last_asked_at)
      returning id
    ), made as (
      select id from counted where id = ${id}::uuid
    )
    ${entry}`.execute(db);
}

/** A page of gaps, newest first, with one more than it holds, by primary key; those of an agent are few among few. */
export async function selectGaps(db: Sql, { limit, agentId }: GapQuery, before: string | undefined): Promise<GapRow[]> {
  const found = await sql<GapRow>`
    select id, query, asked_count, agent_id, first_asked_at, last_asked_at from knowledge.gap
     where tenant_id = ${currentTenantId()} and ${before === undefined ? sql`true` : sql`id < ${before}::uuid`} and ${agentId === undefined ? sql`true` : sql`agent_id = ${agentId}`}
     order by id desc limit ${limit + 1}`.execute(db);
  return found.rows;
}

/** How many gaps there are. */
export async function countGaps(db: Sql, { agentId }: GapQuery): Promise<number> {
  const found = await sql<{ count: string }>`
    select count(*) as count from knowledge.gap where tenant_id = ${currentTenantId()} and ${agentId === undefined ? sql`true` : sql`agent_id = ${agentId}`}`.execute(db);
  return Number(found.rows[0]!.count);
}
