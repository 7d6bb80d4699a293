import type { WorkloadReport } from '@agent-hive/agents';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** How many attempts of an agent its figures rest on at most. */
const ATTEMPTS_MAX = 500;

/** Load and outcomes of agents: open leases by task_assignee_index, and the newest attempts of the window by attempt_agent_index. */
export async function selectWorkloads(db: Sql, agentIds: readonly string[], windowSeconds: number, now: Date): Promise<WorkloadReport[]> {
  const tenantId = currentTenantId();
  const since = new Date(now.getTime() - windowSeconds * 1000);
  const found = await sql<Omit<WorkloadReport, 'windowSeconds' | 'measuredAt'>>`
    select w.id as "agentId", o.count::int as "openCount", h.succeeded::int as "succeededCount", h.failed::int as "failedCount",
           h.mean::float8 as "meanDurationMs", h.p95::float8 as "p95DurationMs"
      from unnest(${agentIds}::uuid[]) as w(id)
     cross join lateral (
       select count(*) as count from tasks.task t where t.tenant_id = ${tenantId} and t.assignee_id = w.id and t.status in ('claimed', 'running')) o
     cross join lateral (
       select count(*) filter (where outcome = 'completed') as succeeded, count(*) filter (where outcome in ('failed', 'expired', 'deadline_exceeded')) as failed,
              avg(ms) filter (where outcome = 'completed') as mean, percentile_cont(0.95) within group (order by ms) filter (where outcome = 'completed') as p95
         from (select a.outcome, extract(epoch from a.ended_at - a.claimed_at) * 1000 as ms from tasks.attempt a
                where a.tenant_id = ${tenantId} and a.agent_id = w.id and a.claimed_at >= ${since} order by a.id desc limit ${ATTEMPTS_MAX}) recent) h`.execute(db);
  return found.rows.map((row) => ({ ...row, windowSeconds, measuredAt: now }));
}

/** Agents that the last report found at work: whatever became of it, their figures must not stay. */
export async function selectBusyAgents(db: Sql): Promise<string[]> {
  const found = await sql<{ id: string }>`select agent_id as id from agents.workload where tenant_id = ${currentTenantId()} and open_count > 0`.execute(db);
  return found.rows.map((row) => row.id);
}
