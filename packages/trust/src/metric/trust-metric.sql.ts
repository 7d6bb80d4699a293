import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { TrustMetricQuery, TrustMetricRow } from './trust-metric.dto.js';
import type { MetricType } from './trust-metric.entity.js';

/** A measurement to be written. */
export interface NewTrustMetric {
  agentId: string;
  sessionId: string;
  actionClass: string;
  metricType: MetricType;
  metricValue: number;
  measurementContext: Record<string, unknown> | null;
}

const COLUMNS = sql`m.id, m.agent_id, m.session_id, m.action_class, m.metric_type, m.metric_value, m.samples, m.is_daily, m.measurement_context, m.recorded_at`;

/** Writes measurements that follow from a change, whose entry is theirs. */
export async function insertTrustMetrics(db: Sql, metrics: readonly NewTrustMetric[], now: Date): Promise<void> {
  const rows = JSON.stringify(metrics.map((metric) => ({ ...metric, id: newId() })));
  await sql`
    insert into trust.trust_metric (tenant_id, id, agent_id, session_id, action_class, metric_type, metric_value, samples, is_daily, measurement_context, recorded_at)
    select ${currentTenantId()}::uuid, r.id, r."agentId", r."sessionId", r."actionClass", r."metricType", r."metricValue", 1, false, r."measurementContext", ${now}::timestamptz
      from json_to_recordset(${rows}::json) as r(id uuid, "agentId" uuid, "sessionId" uuid, "actionClass" text, "metricType" text, "metricValue" numeric, "measurementContext" jsonb)`.execute(db);
}

/** Writes a measurement that somebody reports, with its entry, in one statement. Undefined where the agent has no such session. By session_pkey. */
export async function insertReportedMetric(db: Sql, metric: NewTrustMetric, now: Date): Promise<TrustMetricRow | undefined> {
  const { agentId, sessionId, actionClass, metricType, metricValue, measurementContext } = metric;
  const id = newId();
  const entry = insertEntry({ action: 'trust_metric.created', subjectType: 'trust_metric', subjectId: id, agentId, sessionId, newState: { actionClass, metricType, metricValue } }, 'm');
  const made = await sql<TrustMetricRow>`
    with m as (
      insert into trust.trust_metric (tenant_id, id, agent_id, session_id, action_class, metric_type, metric_value, samples, is_daily, measurement_context, recorded_at)
      select s.tenant_id, ${id}::uuid, s.agent_id, s.id, ${actionClass}::text, ${metricType}::text, ${metricValue}::numeric, 1, false, ${measurementContext === null ? null : JSON.stringify(measurementContext)}::jsonb, ${now}::timestamptz
        from agents.session s where s.tenant_id = ${currentTenantId()} and s.id = ${sessionId} and s.agent_id = ${agentId}
      returning *
    ), entry as (${entry})
    select ${COLUMNS} from m`.execute(db);
  return made.rows[0];
}

const conditions = (agentId: string, { type }: TrustMetricQuery): RawBuilder<unknown> =>
  sql`m.tenant_id = ${currentTenantId()} and m.agent_id = ${agentId} ${type === undefined ? sql`` : sql`and m.metric_type = ${type}`}`;

/** A page of an agent's measurements, newest first, with one row more. By trust_metric_agent_index or trust_metric_type_index. */
export async function selectTrustMetrics(db: Sql, agentId: string, query: TrustMetricQuery, before: { at: Date; id: string } | undefined): Promise<TrustMetricRow[]> {
  const beyond = before === undefined ? sql`` : sql`and (m.recorded_at, m.id) < (${before.at}::timestamptz, ${before.id}::uuid)`;
  const found = await sql<TrustMetricRow>`
    select ${COLUMNS} from trust.trust_metric m where ${conditions(agentId, query)} ${beyond} order by m.recorded_at desc, m.id desc limit ${query.limit + 1}`.execute(db);
  return found.rows;
}

/** How many measurements match. */
export async function countTrustMetrics(db: Sql, agentId: string, query: TrustMetricQuery): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from trust.trust_metric m where ${conditions(agentId, query)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** The last measurement of each type. One probe of trust_metric_type_index each. */
export async function selectLatestMetrics(db: Sql, agentId: string, types: readonly MetricType[]): Promise<TrustMetricRow[]> {
  const found = await sql<TrustMetricRow>`
    select l.* from unnest(${[...types]}::text[]) with ordinality as w(type, place) cross join lateral (
      select ${COLUMNS} from trust.trust_metric m where m.tenant_id = ${currentTenantId()} and m.agent_id = ${agentId} and m.metric_type = w.type order by m.recorded_at desc, m.id desc limit 1
    ) l order by w.place`.execute(db);
  return found.rows;
}

const BATCH = 5_000;

/**
 * Takes the oldest raw measurements of before a moment, which begins a day, into the means of their days; returns how many. By
 * trust_metric_raw_index. A mean takes over the id of the first of its measurements. What two batches hold of a day adds up, by weight. The record keeps what was measured.
 */
export async function aggregateMetrics(db: Sql, before: Date): Promise<number> {
  const tenantId = currentTenantId();
  const entry = insertEntry({ action: 'trust_metric.aggregated', subjectType: 'tenant', subjectId: tenantId }, 'told', { newState: sql`jsonb_build_object('measurements', told.count, 'before', ${before}::timestamptz)` });
  const done = await sql<{ count: string }>`
    with old as (
      select m.id from trust.trust_metric m where m.tenant_id = ${tenantId} and not m.is_daily and m.recorded_at < ${before} order by m.recorded_at limit ${BATCH} for update skip locked
    ), gone as (
      delete from trust.trust_metric m using old where m.tenant_id = ${tenantId} and m.id = old.id returning m.*
    ), day as (
      select agent_id, action_class, metric_type, date_trunc('day', recorded_at at time zone 'UTC') at time zone 'UTC' as day, avg(metric_value) as mean, count(*)::int as samples, min(metric_value) as least, max(metric_value) as greatest,
             (array_agg(id order by id))[1] as id
        from gone group by 1, 2, 3, 4
    ), written as (
      insert into trust.trust_metric as d (tenant_id, id, agent_id, session_id, action_class, metric_type, metric_value, samples, is_daily, measurement_context, recorded_at)
      select ${tenantId}::uuid, id, agent_id, null, action_class, metric_type, round(mean, 2), samples, true, jsonb_build_object('sum', mean * samples, 'least', least, 'greatest', greatest), day from day
      on conflict (tenant_id, agent_id, action_class, metric_type, recorded_at) where is_daily do update
         set metric_value = round(((d.measurement_context ->> 'sum')::numeric + (excluded.measurement_context ->> 'sum')::numeric) / (d.samples + excluded.samples), 2), samples = d.samples + excluded.samples,
             measurement_context = jsonb_build_object('sum', (d.measurement_context ->> 'sum')::numeric + (excluded.measurement_context ->> 'sum')::numeric,
               'least', least((d.measurement_context ->> 'least')::numeric, (excluded.measurement_context ->> 'least')::numeric), 'greatest', greatest((d.measurement_context ->> 'greatest')::numeric, (excluded.measurement_context ->> 'greatest')::numeric))
    ), told as (
      select count(*) as count from gone having count(*) > 0
    ), entry as (${entry})
    select count(*) as count from gone`.execute(db);
  return Number(done.rows[0]!.count);
}
