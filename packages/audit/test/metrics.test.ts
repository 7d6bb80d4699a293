import { idFloor, newId, runAs, servicePrincipal } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { Principal } from '@agent-hive/kernel';
import { MetricsService } from '../src/index.js';
import type { MetricSeriesDto } from '../src/metric/metric.dto.js';
import { auditApp, DAY_MS, entriesOf, HOUR_MS } from './world.js';

const NOW = new Date();
const at = (ms: number) => new Date(NOW.getTime() + ms).toISOString();

/** A few seeded values between some that are far apart: durations, temperatures, nothing. Numerical Recipes' generator. */
function values(count: number, seed = 7): number[] {
  let state = seed;
  const next = () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
  return Array.from({ length: count }, () => (next() < 0.05 ? 0 : (next() < 0.2 ? -1 : 1) * Math.exp(next() * 18 - 6)));
}

const exact = (all: readonly number[], quantile: number) => [...all].sort((a, b) => a - b)[Math.floor(quantile * (all.length - 1))]!;

describe('metrics', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await auditApp();
    await hive.database.execute(hive.orm, `select kernel.ensure_months('audit.performance_metric', now() - interval '6 months', 9)`);
  });
  afterAll(() => hive.close());

  const record = (items: object[], as: Principal = hive.me) => hive.post<{ count: number; errors: { pointer: string; message: string }[] }>('/v1/metrics', { items }, { as });
  const metric = (overrides: object = {}) => ({ name: 'build.duration_ms', value: 10, subjectType: 'agent', subjectId: newId(), ...overrides });
  const plot = (query: string, as: Principal = hive.me) => hive.get<MetricSeriesDto & { errors: { pointer: string }[] }>(`/v1/metrics?${query}`, { as });
  const rollUp = (as: Principal, now: Date) => runAs(hive.orm.em, servicePrincipal(as.tenantId, 'job:metrics'), () => hive.app.get(MetricsService, { strict: false }).rollUp(now));
  const rows = async <T extends object>(sql: string) => hive.database.execute<T>(hive.orm, sql);

  /** Values as they were measured and arrived at a moment, which the API does not take when it is long ago. */
  const arrived = async (as: Principal, name: string, subject: string, moment: Date, all: readonly number[], kind = 'agent') =>
    rows(`insert into audit.performance_metric (tenant_id, id, entity_type, entity_id, recorded_at, metric_name, metric_value)
          select '${as.tenantId}', (left('${idFloor(moment)}', 13) || '-7' || substr(md5(random()::text), 1, 3) || '-8' || substr(md5(random()::text), 1, 3) || '-' || substr(md5(random()::text), 1, 12))::uuid, '${kind}', '${subject}', '${moment.toISOString()}', '${name}', v::float8
            from jsonb_array_elements_text('${JSON.stringify(all)}') v`);

  it('records a batch with what each value is of, and its entry [S3.120-S3.127]', async () => {
    const me = principal();
    const subjectId = newId();
    const made = await record([metric({ subjectId, value: 1.5, recordedAt: at(-HOUR_MS), context: { branch: 'main' } }), metric({ subjectType: 'task', value: -2 })], me);
    expect([made.status, made.body]).toEqual([201, { count: 2 }]);
    const stored = await rows(`select id, entity_type, entity_id, metric_name, metric_value, recorded_at = '${at(-HOUR_MS)}' as then, context from audit.performance_metric where tenant_id = '${me.tenantId}' order by metric_value desc`);
    expect(stored).toEqual([
      { id: expect.any(String), entity_type: 'agent', entity_id: subjectId, metric_name: 'build.duration_ms', metric_value: 1.5, then: true, context: { branch: 'main' } },
      { id: expect.any(String), entity_type: 'task', entity_id: expect.any(String), metric_name: 'build.duration_ms', metric_value: -2, then: false, context: null },
    ]);
    const [entry] = await entriesOf(hive, 'performance_metric', me);
    expect(entry).toMatchObject({ action: 'performance_metric.recorded', details: { count: 2, digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) } });
  });

  it.each<[string, object, string]>([
    ['a value that is a text', { value: '1' }, '/items/1/value'],
    ['a value beyond what sums can bear', { value: 1e101 }, '/items/1/value'],
    ['no value', { value: undefined }, '/items/1/value'],
    ['a name of nothing', { name: '' }, '/items/1/name'],
    ['a name over 100 characters', { name: 'x'.repeat(101) }, '/items/1/name'],
    ['a subject that is no UUID', { subjectId: 'x' }, '/items/1/subjectId'],
    ['no subject type', { subjectType: undefined }, '/items/1/subjectType'],
    ['a context that is a list', { context: [1] }, '/items/1/context'],
    ['a context over 4 KiB', { context: { a: 'x'.repeat(4096) } }, '/items/1/context'],
    ['an unknown field', { colour: 'red' }, '/items/1/colour'],
    ['a moment that is none', { recordedAt: 'yesterday' }, '/items/1/recordedAt'],
    ['a moment 8 days ago', { recordedAt: at(-8 * DAY_MS) }, '/items/1/recordedAt'],
    ['a moment an hour ahead', { recordedAt: at(HOUR_MS) }, '/items/1/recordedAt'],
  ])('refuses a batch for %s, names the item, and records none of it', async (_, overrides, pointer) => {
    const me = principal();
    const answer = await record([metric(), metric(overrides), metric()], me);
    expect([answer.status, [...new Set(answer.body.errors.map((e) => e.pointer))]]).toEqual([422, [pointer]]);
    expect(await rows(`select from audit.performance_metric where tenant_id = '${me.tenantId}'`)).toEqual([]);
    expect(await entriesOf(hive, 'performance_metric', me)).toEqual([]);
  });

  it.each(['NaN', 'Infinity', '-Infinity', '1e999', '-1e999'])('refuses the value %s, of which nothing can be said', async (value) => {
    const text = JSON.stringify({ items: [metric({ value: 0 })] }).replace('"value":0', `"value":${value}`);
    const answer = await hive.post('/v1/metrics', text);
    expect([400, 422]).toContain(answer.status);
    await expect(rows(`insert into audit.performance_metric (tenant_id, id, entity_type, entity_id, recorded_at, metric_name, metric_value) values ('${newId()}', '${newId()}', 'a', '${newId()}', now(), 'x', '${value.replace('1e999', 'Infinity')}')`)).rejects.toThrow(/metric_value_check/);
  });

  it.each([0, 1001])('refuses a batch of %i', async (count) => {
    const answer = await record(Array.from({ length: count }, () => metric()));
    expect([answer.status, answer.body.errors[0]!.pointer]).toEqual([422, '/items']);
  });

  it('records a thousand at once, and the same request once', async () => {
    const me = principal();
    const [items, headers] = [Array.from({ length: 1000 }, (_, i) => metric({ value: i })), { 'idempotency-key': newId() }];
    for (const replayed of [null, 'true']) {
      const answer = await hive.post('/v1/metrics', { items }, { as: me, headers });
      expect([answer.status, answer.body, answer.headers.get('idempotent-replayed')]).toEqual([201, { count: 1000 }, replayed]);
    }
    expect((await plot('name=build.duration_ms', me)).body.items).toMatchObject([{ count: 1000, mean: 499.5, min: 0, max: 999 }]);
  });

  it('answers for hours, days and weeks that begin on Monday, each where UTC has them', async () => {
    const me = principal();
    const name = 'load';
    for (const [moment, value] of [['2030-01-06T23:59:59.999Z', 1], ['2030-01-07T00:00:00Z', 2], ['2030-01-07T00:59:59Z', 4], ['2030-01-07T01:00:00Z', 9]] as const) {
      await rows(`select kernel.ensure_months('audit.performance_metric', '2030-01-01', 0)`);
      await arrived(me, name, newId(), new Date(moment), [value]);
    }
    const get = async (bucket: 'hour' | 'day' | 'week') =>
      (await runAs(hive.orm.em, me, () => hive.app.get(MetricsService, { strict: false }).get({ name, bucket, from: '2030-01-06T23:30:00Z', to: '2030-01-07T01:00:00.001Z' }, new Date('2030-01-08T00:00:00Z')))).items.map(({ from, count, mean }) => [from, count, mean]);
    expect(await get('hour')).toEqual([['2030-01-06T23:00:00.000Z', 1, 1], ['2030-01-07T00:00:00.000Z', 2, 3], ['2030-01-07T01:00:00.000Z', 1, 9]]);
    expect(await get('day')).toEqual([['2030-01-06T00:00:00.000Z', 1, 1], ['2030-01-07T00:00:00.000Z', 3, 5]]);
    expect(await get('week')).toEqual([['2029-12-31T00:00:00.000Z', 1, 1], ['2030-01-07T00:00:00.000Z', 3, 5]]);
  });

  it('tells apart what was measured of what, and shows a stranger nothing', async () => {
    const me = principal();
    const [one, other] = [newId(), newId()];
    await record([metric({ subjectId: one, value: 1 }), metric({ subjectId: other, value: 3 }), metric({ subjectId: one, subjectType: 'task', value: 5 }), metric({ subjectId: one, name: 'x', value: 9 })], me);
    const mean = async (query: string, as = me) => (await plot(`name=build.duration_ms${query}`, as)).body.items.map((item) => item.mean);
    expect(await mean('')).toEqual([3]);
    expect(await mean(`&subjectId=${one}`)).toEqual([3]);
    expect(await mean(`&subjectId=${one}&subjectType=agent`)).toEqual([1]);
    expect(await mean('&subjectType=task')).toEqual([5]);
    expect(await mean(`&subjectId=${newId()}`)).toEqual([]);
    expect(await mean(`&subjectId=${one}`, principal())).toEqual([]);
  });

  it.each([
    ['no name', '', '/name'],
    ['a subject that is no UUID', 'name=x&subjectId=1', '/subjectId'],
    ['an unknown bucket', 'name=x&bucket=month', '/bucket'],
    ['no range', `name=x&from=${at(0)}&to=${at(0)}`, '/from'],
    ['a range backwards', `name=x&from=${at(0)}&to=${at(-HOUR_MS)}`, '/from'],
    ['too many buckets', 'name=x&from=2000-01-01T00:00:00Z', '/from'],
    ['hours that are gone', `name=x&bucket=hour&from=${at(-31 * DAY_MS)}&to=${at(-30.5 * DAY_MS)}`, '/from'],
  ])('refuses a plot with %s', async (_, query, pointer) => {
    const answer = await plot(query);
    expect([answer.status, [...new Set(answer.body.errors.map((e) => e.pointer))]]).toEqual([422, [pointer]]);
  });

  it('has percentiles within 1 % of the exact ones, the same before and after single values have become days, and across the boundary', async () => {
    const me = principal();
    const [name, subject] = ['latency_ms', newId()];
    // Seven whole days of one week; later, three of them are old enough.
    const monday = new Date(Math.floor((NOW.getTime() - 4 * DAY_MS) / (7 * DAY_MS)) * 7 * DAY_MS + 4 * DAY_MS - 42 * DAY_MS);
    const days = Array.from({ length: 7 }, (_, i) => values(400, 100 + i));
    for (const [i, all] of days.entries()) await arrived(me, name, subject, new Date(monday.getTime() + i * DAY_MS + 12 * HOUR_MS), all);
    const ask = async (bucket: string) => (await plot(`name=${name}&subjectId=${subject}&bucket=${bucket}&from=${monday.toISOString()}&to=${new Date(monday.getTime() + 7 * DAY_MS).toISOString()}`, me)).body.items;
    const [dayBefore, weekBefore] = [await ask('day'), await ask('week')];

    expect(await rollUp(me, new Date(monday.getTime() + (30 + 3) * DAY_MS))).toBe(1200);
    expect((await rows(`select from audit.performance_metric where tenant_id = '${me.tenantId}'`)).length).toBe(1600);
    expect((await rows(`select from audit.metric_day where tenant_id = '${me.tenantId}'`)).length).toBe(3);

    const check = (item: MetricSeriesDto['items'][number], all: readonly number[]) => {
      expect([item.count, item.min, item.max]).toEqual([all.length, Math.min(...all), Math.max(...all)]);
      expect(item.mean).toBeCloseTo(all.reduce((sum, value) => sum + value, 0) / all.length, 5);
      for (const [figure, quantile] of [[item.p50, 0.5], [item.p95, 0.95], [item.p99, 0.99]] as const) {
        const wanted = exact(all, quantile);
        expect(Math.abs(figure - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * 0.01 * (1 + 1e-9));
      }
    };
    const [dayAfter, [week, ...others]] = [await ask('day'), await ask('week')];
    expect(dayAfter).toHaveLength(7);
    days.forEach((all, i) => check(dayAfter[i]!, all));
    check(week!, days.flat());
    expect(others).toEqual([]);
    const percentiles = (items: MetricSeriesDto['items']) => items.map(({ mean: _, ...rest }) => rest);
    expect([percentiles(dayAfter), percentiles([week!])]).toEqual([percentiles(dayBefore), percentiles(weekBefore)]);
  });

  it('rolls up once however often it runs, in the record with its counts, and adds what comes late to the day that is there', async () => {
    const me = principal();
    const [name, subject] = ['late', newId()];
    const old = new Date(NOW.getTime() - 40 * DAY_MS);
    await arrived(me, name, subject, old, [1, 2, 3]);
    await record([metric({ name, subjectId: subject })], me);
    expect([await rollUp(me, NOW), await rollUp(me, NOW)]).toEqual([3, 0]);
    await arrived(me, name, subject, new Date(old.getTime() + 1), [3, 4]);
    expect(await rollUp(me, NOW)).toBe(2);
    expect(await rows(`select entity_id, value_count::int as count, value_sum, value_min, value_max from audit.metric_day where tenant_id = '${me.tenantId}'`)).toEqual([{ entity_id: subject, count: 5, value_sum: 13, value_min: 1, value_max: 4 }]);
    const [sketch] = await rows<{ bins: number; values: number }>(`select count(*)::int as bins, sum(b.value::int)::int as "values" from audit.metric_day, jsonb_each_text(sketch) b where tenant_id = '${me.tenantId}'`);
    expect(sketch).toEqual({ bins: 4, values: 5 });
    const rolled = (await entriesOf(hive, 'performance_metric', me)).filter(({ action }) => action === 'performance_metric.rolled_up');
    expect(rolled.map(({ details }) => [details?.values, details?.days])).toEqual([[2, 1], [3, 1]]);
  });

  it('keeps each value in one place when two roll up at once, and when the database fails in between', async () => {
    const me = principal();
    await arrived(me, 'twice', newId(), new Date(NOW.getTime() - 50 * DAY_MS), values(500));
    await rows(`create function audit.fail_once() returns trigger language plpgsql as $$ begin raise exception 'the disk is full'; end $$`);
    await rows(`create trigger fail before insert on audit.metric_day for each row execute function audit.fail_once()`);
    await expect(rollUp(me, NOW)).rejects.toThrow('the disk is full');
    await rows(`drop function audit.fail_once() cascade`);
    expect((await rows(`select from audit.performance_metric where tenant_id = '${me.tenantId}'`)).length).toBe(500);
    const both = await Promise.all([rollUp(me, NOW), rollUp(me, NOW)]);
    expect(both.sort()).toEqual([0, 500]);
    expect(await rows(`select sum(value_count)::int as count from audit.metric_day where tenant_id = '${me.tenantId}'`)).toEqual([{ count: 500 }]);
  });

  it('lets the application take values out, and change none', async () => {
    const may = (table: string) => rows(`select privilege from unnest(array['select', 'insert', 'update', 'delete', 'truncate']) privilege where has_table_privilege('hive_app', '${table}', privilege)`);
    expect(await may('audit.performance_metric')).toEqual(['select', 'insert', 'delete'].map((privilege) => ({ privilege })));
    expect(await may('audit.entry')).toEqual(['select', 'insert'].map((privilege) => ({ privilege })));
  });
});
