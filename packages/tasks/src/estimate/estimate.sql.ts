import { currentTenantId, idFloor, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { DURATION_MAX_MS, MIN_SAMPLES, type Grouping } from './duration.entity.js';
import type { DurationRow } from './estimate.dto.js';

/** How far back attempts count. */
const WINDOW_SECONDS = 30 * 86_400;

/** How many attempts of a tenant are looked at, the newest ones. */
const ATTEMPTS_MAX = 20_000;

/** Medians up to the first add nothing to the complexity of a type, and from the second on all that they can. */
const EASY_MS = 100;
const HARD_MS = 3_600_000;

/**
 * Measures the running tenant's attempts anew, in one statement: the newest by attempt_pkey, the task of each by task_pkey
 * (the LIMIT keeps it from reading all tasks instead), counted for their type, for each agent at it, and for each required
 * capability. Released and cancelled attempts say nothing about the work. What has no attempts left is removed; what has not
 * changed is not written.
 *
 *   complexity = 0.7 * ten times where ln(p50) stands between ln(100 ms) and ln(one hour) + 0.3 * ten times the share of failures
 *
 * These are derived figures, refreshed every minute from attempts that are in the record: not an event of the record.
 */
export async function refreshDurations(db: Sql, now: Date): Promise<number> {
  const tenantId = currentTenantId();
  const since = new Date(now.getTime() - WINDOW_SECONDS * 1000);
  const written = await sql<{ count: number }>`
    with newest as materialized (
      select a.task_id, a.agent_id, a.outcome, least(greatest(extract(epoch from a.ended_at - a.claimed_at)::float8 * 1000, 0), ${DURATION_MAX_MS}) as ms
        from tasks.attempt a where a.tenant_id = ${tenantId} and a.id >= ${idFloor(since)}::uuid order by a.id desc limit ${ATTEMPTS_MAX}
    ), tried as materialized (
      select t.type, n.agent_id, t.required_capabilities, n.ms, n.outcome = 'completed' as is_completed
        from newest n cross join lateral (select t.type, t.required_capabilities from tasks.task t where t.tenant_id = ${tenantId} and t.id = n.task_id limit 1) t
       where n.outcome in ('completed', 'failed', 'expired', 'deadline_exceeded')
    ), grouped as (
      select type, 'type' as grouping, '' as member, ms, is_completed from tried
      union all
      select type, 'agent', agent_id::text, ms, is_completed from tried
      union all
      select type, 'capability', c.name, ms, is_completed from tried cross join lateral jsonb_array_elements_text(required_capabilities) as c(name)
    ), counted as (
      select type, grouping, member, (count(*) filter (where is_completed))::int as samples, (count(*) filter (where not is_completed))::int as failures,
             percentile_cont(array[0.5, 0.9, 0.99]) within group (order by ms) filter (where is_completed) as quantiles
        from grouped group by type, grouping, member
    ), measured as materialized (
      select type, grouping, member, samples, failures, q[1] as p50, q[2] as p90, q[3] as p99,
             case when q is not null then round((7 * least(greatest(ln(greatest(q[1], 1) / ${EASY_MS}::float8) / ln(${HARD_MS / EASY_MS}::float8), 0), 1)
                                                 + 3 * failures / (samples + failures)::float8)::numeric, 2)::float8 end as complexity
        from (select c.*, case when samples >= ${MIN_SAMPLES} then quantiles end as q from counted c) c
    ), removed as (
      delete from tasks.duration d
       where d.tenant_id = ${tenantId} and d.measured_at <= ${now} and not exists (select from measured m where m.type = d.type and m.grouping = d.grouping and m.member = d.member)
      returning 1
    ), written as (
      insert into tasks.duration as d (tenant_id, type, grouping, member, samples, failures, p50_ms, p90_ms, p99_ms, complexity_score, window_seconds, measured_at)
      select ${tenantId}::uuid, type, grouping, member, samples, failures, p50, p90, p99, complexity, ${WINDOW_SECONDS}::int, ${now}::timestamptz
        from measured order by type, grouping, member
      on conflict (tenant_id, type, grouping, member) do update
         set samples = excluded.samples, failures = excluded.failures, p50_ms = excluded.p50_ms, p90_ms = excluded.p90_ms, p99_ms = excluded.p99_ms,
             complexity_score = excluded.complexity_score, window_seconds = excluded.window_seconds, measured_at = excluded.measured_at
       where d.measured_at <= excluded.measured_at
         and (d.samples, d.failures, d.p50_ms, d.p90_ms, d.p99_ms, d.complexity_score) is distinct from
             (excluded.samples, excluded.failures, excluded.p50_ms, excluded.p90_ms, excluded.p99_ms, excluded.complexity_score)
      returning 1
    )
    select ((select count(*) from removed) + (select count(*) from written))::int as count`.execute(db);
  return written.rows[0]!.count;
}

/** Whose figures are asked for: `type` is there in any case. */
export interface Members {
  agentIds: readonly string[];
  capabilities: readonly string[];
}

/** What is known of a type, of agents at it, and of capabilities that it required. Each row by duration_pkey. */
export async function selectDurations(db: Sql, type: string, { agentIds, capabilities }: Members): Promise<DurationRow[]> {
  const groupings: Grouping[] = ['type', ...agentIds.map(() => 'agent' as const), ...capabilities.map(() => 'capability' as const)];
  const found = await sql<DurationRow>`
    select d.grouping, d.member, d.samples, d.failures, d.p50_ms, d.p90_ms, d.p99_ms, d.complexity_score
      from unnest(${groupings}::text[], ${['', ...agentIds, ...capabilities]}::text[]) as w(grouping, member)
     cross join lateral (select * from tasks.duration d where d.tenant_id = ${currentTenantId()} and d.type = ${type} and d.grouping = w.grouping and d.member = w.member limit 1) d`.execute(db);
  return found.rows;
}
