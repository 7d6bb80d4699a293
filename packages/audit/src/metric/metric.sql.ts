import { createHash } from 'node:crypto';
import { currentTenantId, idFloor, newId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { insertEntry, insertEntryPerRow } from '../entry.sql.js';
import type { Bucket, MetricBucketRow } from './metric.dto.js';
import { EARLY_SECONDS, LATE_DAYS } from './performance-metric.entity.js';
import { LN_GAMMA, OFFSET, ZERO_BELOW } from './sketch.js';

const DAY_MS = 86_400_000;

/** One value to write. */
export interface NewMetric {
  id: string;
  name: string;
  value: number;
  subjectType: string;
  subjectId: string;
  recordedAt: Date;
  context?: Record<string, unknown>;
}

/** Writes values, in one statement with the entry that has their number and digest: so many rows are not copied into the record. */
export async function insertMetrics(db: Sql, metrics: readonly NewMetric[]): Promise<void> {
  const items = JSON.stringify(metrics);
  const [first, last] = [metrics[0]!.id, metrics.at(-1)!.id];
  const digest = `sha256:${createHash('sha256').update(items).digest('hex')}`;
  const entry = insertEntry({ action: 'performance_metric.recorded', subjectType: 'performance_metric', subjectId: first, details: { count: metrics.length, firstId: first, lastId: last, digest } });
  await sql`
    with item as (
      select * from json_to_recordset(${items}::json) as i(id uuid, name text, value float8, "subjectType" text, "subjectId" uuid, "recordedAt" timestamptz, context jsonb)
    ), written as (
      insert into audit.performance_metric (tenant_id, id, entity_type, entity_id, recorded_at, metric_name, metric_value, context)
      select ${currentTenantId()}::uuid, id, "subjectType", "subjectId", "recordedAt", name, value, context from item
    ) ${entry}`.execute(db);
}

/** The key of the bin of a value (sketch.ts). */
const keyOf = (value: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`case when abs(${value}) < ${sql.lit(ZERO_BELOW)}::float8 then 0 else sign(${value})::int * (ceil(ln(abs(${value})) / ${sql.lit(LN_GAMMA)}::float8)::int + ${sql.lit(OFFSET)}) end`;

/** Which values to look at. */
export interface MetricSelection {
  name: string;
  subjectType?: string;
  subjectId?: string;
  from: Date;
  to: Date;
}

function selected({ name, subjectType, subjectId }: MetricSelection): RawBuilder<unknown> {
  const all = [sql`m.tenant_id = ${currentTenantId()}`, sql`m.metric_name = ${name}`];
  if (subjectType !== undefined) all.push(sql`m.entity_type = ${subjectType}`);
  if (subjectId !== undefined) all.push(sql`m.entity_id = ${subjectId}`);
  return sql.join(all, sql` and `);
}

/** When they were measured, and the ids, and with them the months, that such values can have. */
const measured = ({ from, to }: MetricSelection): RawBuilder<unknown> =>
  sql`m.recorded_at >= ${from} and m.recorded_at < ${to} and m.id >= ${idFloor(new Date(from.getTime() - EARLY_SECONDS * 1000))}::uuid and m.id < ${idFloor(new Date(to.getTime() + LATE_DAYS * DAY_MS))}::uuid`;

const ofDays = ({ from, to }: MetricSelection): RawBuilder<unknown> => sql`m.day >= (${from}::timestamptz at time zone 'UTC')::date and m.day < (${to}::timestamptz at time zone 'UTC')::date`;

/**
 * Figures by bucket, out of single values and of days that were rolled up, in one statement: a value is in one of them
 * whenever it is looked at. Percentile q is the first bin with more than q * (count - 1) values up to its end. By
 * performance_metric_entity_index and metric_day_entity_index with a subject, else by performance_metric_name_index and metric_day_pkey.
 */
export async function selectBuckets(db: Sql, selection: MetricSelection, bucket: Bucket): Promise<MetricBucketRow[]> {
  const width = sql.lit(bucket);
  const hasDays = sql.lit(bucket !== 'hour'); // a day cannot be told apart into hours
  const at = (quantile: number) => sql`min(c.key) filter (where c.upto > ${sql.lit(quantile)} * (p.count - 1))`;
  const found = await sql<MetricBucketRow>`
    with value as materialized (
      select date_trunc(${width}, m.recorded_at, 'UTC') as start, m.metric_value as value from audit.performance_metric m where ${selected(selection)} and ${measured(selection)}
    ), day as materialized (
      select date_trunc(${width}, m.day::timestamp) at time zone 'UTC' as start, m.value_count, m.value_sum, m.value_min, m.value_max, m.sketch
        from audit.metric_day m where ${hasDays} and ${selected(selection)} and ${ofDays(selection)}
    ), part as (
      select start, count(*) as count, sum(value) as sum, min(value) as min, max(value) as max from value group by start
      union all
      select start, value_count, value_sum, value_min, value_max from day
    ), whole as (
      select start, sum(count)::bigint as count, sum(sum) as sum, min(min) as min, max(max) as max from part group by start
    ), bin as (
      select start, ${keyOf(sql`value`)} as key, count(*) as count from value group by 1, 2
      union all
      select d.start, b.key::int, b.value::bigint from day d cross join lateral jsonb_each_text(d.sketch) b
    ), cumulative as (
      select start, key, sum(sum(count)) over (partition by start order by key) as upto from bin group by start, key
    )
    select p.start, p.count, p.sum, p.min, p.max, ${at(0.5)} as p50, ${at(0.95)} as p95, ${at(0.99)} as p99
      from whole p join cumulative c on c.start = p.start group by p.start, p.count, p.sum, p.min, p.max order by p.start`.execute(db);
  return found.rows;
}

/** The mean of a metric by what it was measured of, of single values. */
export async function selectMeans(db: Sql, selection: MetricSelection): Promise<{ subjectType: string; subjectId: string; count: number; mean: number }[]> {
  const found = await sql<{ subjectType: string; subjectId: string; count: number; mean: number }>`
    select m.entity_type as "subjectType", m.entity_id as "subjectId", count(*)::int as count, avg(m.metric_value) as mean
      from audit.performance_metric m where ${selected(selection)} and ${measured(selection)} group by 1, 2 order by 1, 2`.execute(db);
  return found.rows;
}

/**
 * Turns values that arrived before a moment into days, at most `limit` of them, oldest first; returns how many. Values leave
 * and days grow in one statement, with its entry, so wherever it is killed each value is in one of them; a second one at the
 * same time waits, and finds the rows gone. By performance_metric_pkey.
 */
export async function rollUp(db: Sql, before: Date, limit: number, now: Date): Promise<number> {
  const tenantId = currentTenantId();
  const floor = idFloor(before);
  const series = sql`metric_name, day, entity_type, entity_id`;
  const entry = insertEntryPerRow(
    {
      subjectType: 'performance_metric', action: sql`'performance_metric.rolled_up'`, id: sql`${newId()}::uuid`, subjectId: sql`r.last_id`, occurredAt: now,
      details: sql`jsonb_build_object('values', r.value_count, 'days', (select count(*) from written), 'firstId', r.first_id, 'lastId', r.last_id)`,
    },
    sql`(select count(*) as value_count, min(id::text) as first_id, max(id::text) as last_id from gone having count(*) > 0) r`,
  );
  const rolled = await sql<{ count: number }>`
    with old as materialized (
      select m.id from audit.performance_metric m where m.tenant_id = ${tenantId} and m.id < ${floor}::uuid order by m.id limit ${limit}
    ), gone as materialized (
      delete from audit.performance_metric m where m.tenant_id = ${tenantId} and m.id < ${floor}::uuid and m.id = any (array(select id from old))
      returning m.id, m.metric_name, (m.recorded_at at time zone 'UTC')::date as day, m.entity_type, m.entity_id, m.metric_value as value
    ), bin as (
      select ${series}, ${keyOf(sql`value`)} as key, count(*) as count from gone group by ${series}, 5
    ), sketch as (
      select ${series}, jsonb_object_agg(key::text, count) as bins from bin group by ${series}
    ), whole as (
      select ${series}, count(*) as count, sum(value) as sum, min(value) as min, max(value) as max from gone group by ${series}
    ), written as (
      insert into audit.metric_day as d (tenant_id, ${series}, value_count, value_sum, value_min, value_max, sketch)
      select ${tenantId}::uuid, ${series}, w.count, w.sum, w.min, w.max, s.bins from whole w join sketch s using (${series}) order by ${series}
      on conflict (tenant_id, ${series}) do update
         set value_count = d.value_count + excluded.value_count, value_sum = d.value_sum + excluded.value_sum, value_min = least(d.value_min, excluded.value_min),
             value_max = greatest(d.value_max, excluded.value_max), sketch = audit.merge_sketches(d.sketch, excluded.sketch)
      returning 1
    ), entry as (${entry})
    select count(*)::int as count from gone`.execute(db);
  return rolled.rows.reduce((sum, { count }) => sum + count, 0);
}
