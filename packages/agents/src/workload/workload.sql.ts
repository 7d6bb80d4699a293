import type { Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** An agent's load and outcomes over a window that ends at `measuredAt`. Durations in milliseconds, null without a sample. */
export interface WorkloadReport {
  agentId: string;
  openCount: number;
  succeededCount: number;
  failedCount: number;
  meanDurationMs: number | null;
  p95DurationMs: number | null;
  windowSeconds: number;
  measuredAt: Date;
}

/** Derived figures, refreshed every few seconds: not an event of the record. Agents that are gone are left out by the join. */
export async function upsertWorkloads(db: Sql, tenantId: string, reports: readonly WorkloadReport[]): Promise<number> {
  const rows = JSON.stringify(reports.map((r) => ({ ...r, measuredAt: r.measuredAt.toISOString() })));
  const written = await sql`
    insert into agents.workload as w (tenant_id, agent_id, open_count, succeeded_count, failed_count, mean_duration_ms, p95_duration_ms, window_seconds, measured_at)
    select a.tenant_id, a.id, r."openCount", r."succeededCount", r."failedCount", r."meanDurationMs", r."p95DurationMs", r."windowSeconds", r."measuredAt"
      from json_to_recordset(${rows}::json) as r("agentId" uuid, "openCount" int, "succeededCount" int, "failedCount" int, "meanDurationMs" float8,
             "p95DurationMs" float8, "windowSeconds" int, "measuredAt" timestamptz)
      join agents.agent a on a.tenant_id = ${tenantId} and a.id = r."agentId"
    on conflict (tenant_id, agent_id) do update
       set open_count = excluded.open_count, succeeded_count = excluded.succeeded_count, failed_count = excluded.failed_count,
           mean_duration_ms = excluded.mean_duration_ms, p95_duration_ms = excluded.p95_duration_ms,
           window_seconds = excluded.window_seconds, measured_at = excluded.measured_at
     where w.measured_at <= excluded.measured_at`.execute(db);
  return Number(written.numAffectedRows ?? 0);
}
