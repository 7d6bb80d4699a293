import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { AttemptRow } from './attempt.dto.js';

/** A page of a task's attempts, newest first. Served by attempt_task_index. */
export async function selectAttempts(db: Sql, taskId: string, limit: number, before: string | undefined): Promise<AttemptRow[]> {
  const found = await sql<AttemptRow>`
    select a.id, a.task_id, a.agent_id, a.fencing_token, a.number, a.redrive, a.claimed_at, a.ended_at, a.outcome, a.error, a.progress, a.cost_usd, a.input_tokens, a.output_tokens
      from tasks.attempt a where a.tenant_id = ${currentTenantId()} and a.task_id = ${taskId} ${before === undefined ? sql`` : sql`and a.id < ${before}::uuid`}
     order by a.id desc limit ${limit}`.execute(db);
  return found.rows;
}

/** How many attempts a task has had. */
export async function countAttempts(db: Sql, taskId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from tasks.attempt where tenant_id = ${currentTenantId()} and task_id = ${taskId}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** How many attempts an agent has made, ever. Served by attempt_agent_index. */
export async function countAttemptsOfAgent(db: Sql, agentId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from tasks.attempt where tenant_id = ${currentTenantId()} and agent_id = ${agentId}`.execute(db);
  return Number(found.rows[0]!.count);
}
