import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { AiMetadata } from '../agent/agent.entity.js';
import type { AgentSignals, StatusSpan } from './insights.provider.js';

interface SpanRow {
  status: string;
  reason: string | null;
  began: Date;
  ended: Date;
}

/**
 * Statuses of the window as spans, each ending where the next begins. An agent is initializing from its creation on; the
 * status that held when the window opened is the last change before it. Changes are read from status_change_agent_index.
 */
export async function selectSpans(db: Sql, agentId: string, from: Date, until: Date): Promise<StatusSpan[]> {
  const tenantId = currentTenantId();
  const found = await sql<SpanRow>`
    with changes as (
      select 'initializing' as status, null as reason, created_at as began from agents.agent where tenant_id = ${tenantId} and id = ${agentId}
      union all
      (select to_status, reason, changed_at from agents.status_change
        where tenant_id = ${tenantId} and agent_id = ${agentId} and changed_at < ${from} order by id desc limit 1)
      union all
      (select to_status, reason, changed_at from agents.status_change
        where tenant_id = ${tenantId} and agent_id = ${agentId} and changed_at >= ${from} and changed_at < ${until})
    ), spans as (
      select status, reason, greatest(began, ${from}::timestamptz) as began, coalesce(lead(began) over (order by began), ${until}::timestamptz) as ended from changes
    )
    select * from spans where ended > began order by began`.execute(db);
  return found.rows.map((row) => ({ status: row.status, reason: row.reason, from: new Date(row.began), to: new Date(row.ended) }));
}

/** Heartbeats and workload of one agent, by primary keys. */
export async function selectActivity(db: Sql, agentId: string): Promise<Pick<AgentSignals, 'heartbeatCount' | 'lastHeartbeatAt' | 'workload'>> {
  const found = await sql<{ heartbeat_count: string | number; last_heartbeat_at: Date | null; workload: AgentSignals['workload'] }>`
    select p.heartbeat_count, p.last_heartbeat_at,
           case when w.agent_id is not null then json_build_object('openCount', w.open_count, 'succeededCount', w.succeeded_count, 'failedCount', w.failed_count,
             'meanDurationMs', w.mean_duration_ms, 'p95DurationMs', w.p95_duration_ms, 'windowSeconds', w.window_seconds) end as workload
      from agents.presence p left join agents.workload w on w.tenant_id = p.tenant_id and w.agent_id = p.agent_id
     where p.tenant_id = ${currentTenantId()} and p.agent_id = ${agentId}`.execute(db);
  const row = found.rows[0]!;
  return { heartbeatCount: Number(row.heartbeat_count), lastHeartbeatAt: row.last_heartbeat_at && new Date(row.last_heartbeat_at), workload: row.workload };
}

/** What one analysis leaves on the agent. */
export interface AnalysisResult {
  metadata: AiMetadata;
  performanceScore: number;
  learningMetrics: Record<string, unknown>;
  optimizationSuggestions: string[];
  analysedAt: Date;
}

/** Stores an analysis with its entry, by primary key; it ends an earlier failure. The version stays, so insights never make a caller's copy stale. */
export async function storeAnalysis(db: Sql, agentId: string, result: AnalysisResult): Promise<void> {
  const entry = insertEntry(
    { action: 'agent.analysed', subjectType: 'agent', subjectId: agentId, agentId, newState: { performanceScore: result.performanceScore, aiMetadata: result.metadata } },
    'stored',
  );
  await sql`
    with stored as (
      update agents.agent
         set ai_metadata = (ai_metadata - 'last_error') || ${JSON.stringify(result.metadata)}::jsonb,
             performance_score = ${result.performanceScore},
             learning_metrics = ${JSON.stringify(result.learningMetrics)}::jsonb,
             optimization_suggestions = ${JSON.stringify(result.optimizationSuggestions)}::jsonb,
             last_ai_analysis = ${result.analysedAt}
       where tenant_id = ${currentTenantId()} and id = ${agentId}
      returning id
    ) ${entry}`.execute(db);
}

/** Notes a failed analysis with its entry, by primary key, beside what earlier ones found. */
export async function storeFailure(db: Sql, agentId: string, failure: NonNullable<AiMetadata['last_error']>): Promise<void> {
  const metadata = { last_error: failure };
  const entry = insertEntry({ action: 'agent.analysis_failed', subjectType: 'agent', subjectId: agentId, agentId, newState: { aiMetadata: metadata } }, 'stored');
  await sql`
    with stored as (
      update agents.agent set ai_metadata = ai_metadata || ${JSON.stringify(metadata)}::jsonb where tenant_id = ${currentTenantId()} and id = ${agentId} returning id
    ) ${entry}`.execute(db);
}
