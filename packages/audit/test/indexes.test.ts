import { newId, runAs, type Sql } from '@agent-hive/kernel';
import { explain, type Plan, type TestApp } from '@agent-hive/kernel/testing';
import { rollUp, selectBuckets, selectMeans } from '../src/metric/metric.sql.js';
import { selectEntries } from '../src/entry-list.sql.js';
import { selectEntryIds, selectSuggestion, selectSuggestions, selectUnmeasured } from '../src/review/suggestion.sql.js';
import { selectRules } from '../src/review/review-rule.sql.js';
import { auditApp, DAY_MS, HOUR_MS } from './world.js';

const TENANTS = 10;

describe('the indexes of metrics and reviews, by the plans of the statements that they serve', () => {
  let hive: TestApp;
  let subject: string;
  const now = new Date();
  const ago = (ms: number) => new Date(now.getTime() - ms);
  beforeAll(async () => {
    hive = await auditApp();
    const run = (text: string) => hive.database.execute<{ id: string }>(hive.orm, text);
    subject = newId();
    const tenants = [hive.me.tenantId, ...Array.from({ length: TENANTS - 1 }, newId)].map((id) => `('${id}'::uuid)`).join(', ');
    const months = await run(`select kernel.ensure_months('audit.performance_metric', now() - interval '3 months', 5)`);
    expect(months.length).toBeGreaterThan(1);
    // One value an hour for 60 days, of 20 metrics in turn and many subjects.
    await run(`
      insert into audit.performance_metric (tenant_id, id, entity_type, entity_id, recorded_at, metric_name, metric_value)
      select t.id, (left(kernel.id_floor(now() - n * interval '1 hour')::text, 19) || '8' || substr(gen_random_uuid()::text, 21))::uuid, 'agent',
             case when n % 50 = 0 then '${subject}'::uuid else gen_random_uuid() end, now() - n * interval '1 hour', 'metric ' || n % 20, n
        from (values ${tenants}) t(id), generate_series(1, 1440) n`);
    await run(`
      insert into audit.metric_day (tenant_id, metric_name, day, entity_type, entity_id, value_count, value_sum, value_min, value_max, sketch)
      select t.id, 'metric ' || m, current_date - n, 'agent', case when n % 50 = 0 then '${subject}'::uuid else gen_random_uuid() end, 1, 1, 1, 1, '{"12000": 1}'
        from (values ${tenants}) t(id), generate_series(30, 200) n, generate_series(0, 9) m`);
    await run(`
      insert into audit.optimization_suggestion (tenant_id, id, rule_name, category, fingerprint, description, evidence, impact_score, status, ended_at, effect, implemented_at, created_at, updated_at)
      select t.id, gen_random_uuid(), 'r', case when n % 100 = 0 then 'reliability' else 'performance' end, 'f' || n, 'd', '{"windowHours": 24}', 0.5, s.status,
             case when s.status <> 'implemented' then now() end, case when s.status = 'verified' then '{}'::jsonb end, now() - interval '2 days', now(), now()
        from (values ${tenants}) t(id), generate_series(1, 1000) n cross join lateral (select case when n % 100 = 0 then 'implemented' when n % 50 = 1 then 'rejected' else 'verified' end as status) s`);
    await run(`
      insert into audit.entry (tenant_id, id, occurred_at, actor_type, actor_id, actor_name, action, subject_type, subject_id, risk)
      select t.id, (left(kernel.id_floor(now())::text, 19) || '8' || substr(gen_random_uuid()::text, 21))::uuid, now(), 'user', case when n % 100 = 0 then '${subject}'::uuid else gen_random_uuid() end, 'test', 'task.failed', 'task', gen_random_uuid(), case when n % 100 = 1 then 'critical' else 'low' end
        from (values ${tenants}) t(id), generate_series(1, 1000) n`);
    for (const table of ['entry', 'performance_metric', 'metric_day', 'optimization_suggestion']) await run(`vacuum (analyze) audit.${table}`);
  });
  afterAll(() => hive.close());

  const plan = async (work: (db: Sql) => Promise<unknown>, options = {}): Promise<Plan> => (await runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, work, options)))[0]!;
  const lately = { name: 'metric 7', from: ago(2 * DAY_MS), to: now };
  const long = { name: 'metric 7', from: ago(180 * DAY_MS), to: ago(150 * DAY_MS) };

  it.each<[string, RegExp, (db: Sql) => Promise<unknown>]>([
    ['a metric of the last days', /_metric_name_recorded_at_idx$/, (db) => selectBuckets(db, lately, 'hour')],
    ['a metric of one subject', /_entity_id_metric_name_r\w*_idx$/, (db) => selectBuckets(db, { ...lately, subjectId: subject }, 'hour')],
    ['the means of a metric by subject', /_metric_name_recorded_at_idx$/, (db) => selectMeans(db, lately)],
    ['days of a metric', /^metric_day_pkey$/, (db) => selectBuckets(db, long, 'day')],
    ['days of one subject', /^metric_day_entity_index$/, (db) => selectBuckets(db, { ...long, subjectId: subject }, 'day')],
    ['what is rolled up', /^performance_metric_\d+_pkey$/, (db) => rollUp(db, ago(50 * DAY_MS), 50, now)],
    ['one suggestion', /^optimization_suggestion_pkey$/, (db) => selectSuggestion(db, newId())],
    ['suggestions of a status', /^optimization_suggestion_status_index$/, (db) => selectSuggestions(db, { limit: 20, status: 'rejected' }, undefined)],
    ['suggestions of a category', /^optimization_suggestion_category_index$/, (db) => selectSuggestions(db, { limit: 20, category: 'reliability' }, undefined)],
    ['suggestions to measure', /^optimization_suggestion_(status_index|live_unique)$/, (db) => selectUnmeasured(db, now, undefined, 100)],
    ['entries of a user', /_actor_id_id_idx$/, (db) => selectEntries(db, { limit: 20, actorId: subject }, undefined)],
    ['entries about some subjects', /_subject_type_subject_id_id_idx$/, (db) => selectEntryIds(db, 'task', [newId()], { from: ago(HOUR_MS), to: now }, 5)],
    ['rules', /^review_rule_pkey$/, (db) => selectRules(db, 'r')],
  ])('%s: %s', async (_, index, work) => {
    expect((await plan(work)).indexes).toEqual(expect.arrayContaining([expect.stringMatching(index)]));
  });

  it('finds entries of a risk by their index [S4.128]', async () => {
    expect((await plan((db) => selectEntries(db, { limit: 20, risk: 'critical' }, undefined))).indexes).toEqual(expect.arrayContaining([expect.stringMatching(/_risk_id_idx$/)]));
  });

  it('touches the months of the values that are asked for, and no others', async () => {
    const month = (at: Date) => `performance_metric_${at.toISOString().slice(0, 7).replace('-', '')}`;
    const { tables } = await plan((db) => selectBuckets(db, lately, 'hour'), { run: true });
    const touched = tables.filter((table) => table.startsWith('performance_metric_'));
    expect(touched).toContain(month(now));
    const allowed = new Set([lately.from, now, new Date(now.getTime() + 7 * DAY_MS)].map(month));
    expect(touched.filter((table) => !allowed.has(table))).toEqual([]);
  });
});
