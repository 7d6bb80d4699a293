import { idFloor, newId, runAs, servicePrincipal, type Principal } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { AuditHooks, ReviewsService, type WorkWindow } from '../src/index.js';
import type { ReviewRuleDto } from '../src/review/review-rule.dto.js';
import type { SuggestionDto } from '../src/review/suggestion.dto.js';
import { auditApp, DAY_MS, entriesOf, HOUR_MS } from './world.js';

interface Problem {
  code: string;
  errors: { pointer: string; allowed?: string[] }[];
  from?: string;
  to?: string;
  allowed?: string[];
}

describe('self-review', () => {
  let hive: TestApp;
  let looked: (window: WorkWindow) => void = () => undefined;
  beforeAll(async () => {
    hive = await auditApp();
    hive.app.get(AuditHooks).workDurations.register('test', async (window) => {
      looked(window);
      return [];
    });
    await hive.database.execute(hive.orm, `select kernel.ensure_months('audit.performance_metric', now() - interval '2 months', 5)`);
  });
  afterAll(() => hive.close());

  const review = (as: Principal, now = new Date()) => runAs(hive.orm.em, servicePrincipal(as.tenantId, 'job:review'), () => hive.app.get(ReviewsService, { strict: false }).review(now));
  const suggestions = async (as: Principal, query = '') => (await hive.get<{ items: SuggestionDto[] }>(`/v1/optimization-suggestions${query}`, { as })).body.items;
  const patch = (as: Principal, { id, version }: SuggestionDto, body: object) => hive.patch<SuggestionDto & Problem>(`/v1/optimization-suggestions/${id}`, body, { as, headers: { 'if-match': `"${version}"` } });
  const putRule = (as: Principal, name: string, body: object, headers = {}) => hive.put<ReviewRuleDto & Problem>(`/v1/review-rules/${name}`, body, { as, headers });
  const RULE = { kind: 'above_baseline', threshold: 2, windowHours: 24, baselineDays: 7, minSamples: 3, metricName: 'latency_ms' };

  /** Values of a metric that arrived at a moment, which the API does not take when it is long ago. */
  async function measured(as: Principal, subject: string, moment: Date, all: readonly number[]): Promise<void> {
    const rows = all.map((value, i) => `('${as.tenantId}', '${idFloor(moment).slice(0, 24)}${newId().slice(-12)}', 'agent', '${subject}', '${new Date(moment.getTime() + i).toISOString()}', 'latency_ms', ${value})`);
    await hive.database.execute(hive.orm, `insert into audit.performance_metric (tenant_id, id, entity_type, entity_id, recorded_at, metric_name, metric_value) values ${rows.join(', ')}`);
  }

  /** A tenant with a rule, and a subject that breaks it. */
  async function slowed(): Promise<{ me: Principal; subject: string; suggestion: SuggestionDto }> {
    const [me, subject] = [principal(), newId()];
    await putRule(me, 'slow-answers', RULE);
    await measured(me, subject, new Date(Date.now() - 3 * DAY_MS), [100, 100, 100]);
    await measured(me, subject, new Date(Date.now() - 2 * HOUR_MS), [240, 260, 250]);
    expect(await review(me)).toEqual({ opened: 1, measured: 0 });
    return { me, subject, suggestion: (await suggestions(me))[0]! };
  }

  describe('rules', () => {
    it('are there from the start, and a tenant may change them for itself', async () => {
      const [me, stranger] = [principal(), principal()];
      const list = async (as: Principal) => (await hive.get<{ items: ReviewRuleDto[] }>('/v1/review-rules', { as })).body.items;
      expect(await list(me)).toMatchObject([
        { name: 'repeated-errors', kind: 'repeated_errors', threshold: 5, windowHours: 24, isBuiltIn: true, version: 0 },
        { name: 'slow-work', kind: 'above_baseline', threshold: 1.5, baselineDays: 14, isBuiltIn: true, version: 0 },
      ]);
      const changed = await putRule(me, 'repeated-errors', { kind: 'repeated_errors', threshold: 10, isEnabled: false });
      expect([changed.status, changed.body]).toEqual([200, expect.objectContaining({ threshold: 10, isEnabled: false, isBuiltIn: false, version: 1 })]);
      expect((await putRule(me, 'my own', RULE)).body).toMatchObject({ ...RULE, name: 'my own', isEnabled: true });
      expect((await list(me)).map(({ name }) => name)).toEqual(['my own', 'repeated-errors', 'slow-work']);
      expect((await list(stranger)).every(({ isBuiltIn }) => isBuiltIn)).toBe(true);
      expect((await hive.get('/v1/review-rules/my%20own', { as: stranger })).status).toBe(404);
      expect((await hive.get('/v1/review-rules/constructor', { as: me })).status).toBe(404);
    });

    it('are in the record with what they were before', async () => {
      const me = principal();
      await putRule(me, 'r', RULE);
      await putRule(me, 'r', { ...RULE, threshold: 3 });
      const [second, first] = await entriesOf(hive, 'review_rule', me);
      expect(first).toMatchObject({ action: 'review_rule.updated', previousState: null, newState: { threshold: 2 } });
      expect(second).toMatchObject({ previousState: { threshold: 2 }, newState: { threshold: 3 } });
    });

    it('change under the version that the caller has seen', async () => {
      const me = principal();
      expect((await putRule(me, 'r', RULE, { 'if-match': '"1"' })).status).toBe(412);
      expect((await putRule(me, 'r', RULE, { 'if-match': '"0"' })).headers.get('etag')).toBe('"1"');
      expect((await putRule(me, 'r', RULE, { 'if-match': '"0"' })).body).toMatchObject({ status: 412, code: 'stale' });
      expect((await putRule(me, 'r', RULE, { 'if-match': '"1"' })).body).toMatchObject({ version: 2 });
    });

    it.each<[string, string, object, string]>([
      ['a kind that there is not', 'r', { kind: 'random' }, '/kind'],
      ['another kind for a built-in one', 'slow-work', { kind: 'repeated_errors', baselineDays: null, metricName: null }, '/kind'],
      ['a threshold of nothing', 'r', { threshold: 0 }, '/threshold'],
      ['no window', 'r', { windowHours: 0 }, '/windowHours'],
      ['a window beyond a week', 'r', { windowHours: 169 }, '/windowHours'],
      ['a baseline of errors', 'r', { kind: 'repeated_errors', metricName: null }, '/baselineDays'],
      ['a metric of errors', 'r', { kind: 'repeated_errors', baselineDays: null }, '/metricName'],
      ['a baseline that is no longer kept', 'r', { windowHours: 168, baselineDays: 28 }, '/baselineDays'],
      ['an unknown field', 'r', { colour: 'red' }, '/colour'],
    ])('refuse %s', async (_, name, overrides, pointer) => {
      const answer = await putRule(principal(), name, { ...RULE, ...overrides });
      expect([answer.status, answer.body.errors.map((e) => e.pointer)]).toEqual([422, [pointer]]);
    });

    it('are a hundred at most', async () => {
      const me = principal();
      for (let i = 0; i < 100; i++) await putRule(me, `r${i}`, { ...RULE, isEnabled: false });
      expect((await putRule(me, 'one more', RULE)).body).toMatchObject({ status: 409, code: 'limit-reached' });
      expect((await putRule(me, 'one more', RULE, { 'if-match': '"0"' })).body).toMatchObject({ status: 409, code: 'limit-reached' });
      expect((await putRule(me, 'one more', RULE, { 'if-match': '"1"' })).body).toMatchObject({ status: 412, code: 'stale' });
      expect((await putRule(me, 'r7', RULE, { 'if-match': '"0"' })).body).toMatchObject({ status: 412, code: 'stale' });
      expect((await putRule(me, 'r7', RULE)).status).toBe(200);
    });
  });

  it('opens a suggestion when a metric is above its baseline, with category, evidence and impact [S1.91, S3.128-S3.135]', async () => {
    const { me, subject, suggestion } = await slowed();
    expect(suggestion).toMatchObject({
      ruleName: 'slow-answers', category: 'performance', status: 'open', createdAt: expect.any(String), effect: null,
      description: expect.stringContaining('2.5 times the 100 of the 7 days before'),
      evidence: { kind: 'above_baseline', subject: `agent ${subject}`, metricName: 'latency_ms', observed: { value: 250, count: 3 }, baseline: { value: 100, count: 3 }, limit: 200 },
    });
    expect(suggestion.impactScore).toBeCloseTo(0.2, 10);
    expect((await hive.get(`/v1/optimization-suggestions/${suggestion.id}`, { as: me })).body).toEqual(suggestion);
    expect(await entriesOf(hive, 'optimization_suggestion', me)).toMatchObject([{ action: 'optimization_suggestion.created', subject: { id: suggestion.id }, newState: { evidence: { limit: 200 } } }]);
  });

  it('opens nothing at the threshold itself, with too few values, or when the rule is off', async () => {
    const [me, exact, few] = [principal(), newId(), newId()];
    await putRule(me, 'slow-answers', RULE);
    await putRule(me, 'off', { ...RULE, threshold: 0.001, isEnabled: false });
    await measured(me, exact, new Date(Date.now() - 3 * DAY_MS), [100, 100, 100]);
    await measured(me, exact, new Date(Date.now() - 2 * HOUR_MS), [200, 200, 200]);
    await measured(me, few, new Date(Date.now() - 3 * DAY_MS), [100, 100, 100]);
    await measured(me, few, new Date(Date.now() - 2 * HOUR_MS), [900, 900]);
    expect(await review(me)).toEqual({ opened: 0, measured: 0 });
  });

  it('suggests a thing once while it is live, however many look at once, and no more after it was rejected', async () => {
    const { me, suggestion } = await slowed();
    expect(await Promise.all([review(me), review(me)])).toEqual([{ opened: 0, measured: 0 }, { opened: 0, measured: 0 }]);
    await patch(me, suggestion, { status: 'rejected', reason: 'we know' });
    expect(await review(me)).toEqual({ opened: 0, measured: 0 });
    expect(await suggestions(me)).toMatchObject([{ status: 'rejected', statusReason: 'we know', endedAt: expect.any(String) }]);
  });

  it('goes from open to accepted to implemented, and says of any other way what is allowed', async () => {
    const { me, suggestion } = await slowed();
    const early = await patch(me, suggestion, { status: 'implemented' });
    expect(early.body).toMatchObject({ status: 409, code: 'illegal-transition', from: 'open', to: 'implemented', allowed: ['accepted', 'rejected'] });
    const accepted = await patch(me, suggestion, { status: 'accepted' });
    expect([accepted.body.status, accepted.headers.get('etag')]).toEqual(['accepted', '"2"']);
    expect((await patch(me, suggestion, { status: 'rejected' })).body).toMatchObject({ status: 412, code: 'stale' });
    const implemented = await patch(me, accepted.body, { status: 'implemented' });
    expect(implemented.body).toMatchObject({ status: 'implemented', implementedAt: expect.any(String), version: 3 });
    for (const status of ['open', 'accepted', 'rejected', 'verified', 'no_effect']) {
      expect((await patch(me, implemented.body, { status })).body).toMatchObject({ status: 409, code: 'illegal-transition', from: 'implemented', to: status, allowed: [] });
    }
    expect((await patch(me, implemented.body, { status: 'done' })).body.errors).toMatchObject([{ pointer: '/status' }]);
    expect((await hive.patch(`/v1/optimization-suggestions/${suggestion.id}`, { status: 'accepted' }, { as: me })).status).toBe(428);
    expect((await patch(principal(), suggestion, { status: 'accepted' })).status).toBe(404);
    expect((await entriesOf(hive, 'optimization_suggestion', me)).map((entry) => (entry.newState as { status: string }).status)).toEqual(['implemented', 'accepted', 'open']);
  });

  it.each([['verified', [120, 120, 120]], ['no_effect', [300, 300, 300]]] as const)('measures afterwards whether it helped: %s', async (status, after) => {
    const { me, subject, suggestion } = await slowed();
    const accepted = await patch(me, suggestion, { status: 'accepted' });
    const implemented = (await patch(me, accepted.body, { status: 'implemented' })).body;
    const later = (hours: number) => new Date(Date.parse(implemented.implementedAt!) + hours * HOUR_MS);
    expect(await review(me, later(1))).toMatchObject({ measured: 0 });
    expect(await review(me, later(25))).toMatchObject({ measured: 0 }); // nothing has been measured since
    await measured(me, subject, later(2), after);
    expect(await Promise.all([review(me, later(25)), review(me, later(25))])).toEqual(expect.arrayContaining([expect.objectContaining({ measured: 1 }), expect.objectContaining({ measured: 0 })]));
    const [measuredNow] = (await suggestions(me, `?status=${status}`)).filter(({ id }) => id === suggestion.id);
    expect(measuredNow).toMatchObject({ status, effect: { before: { value: 250, count: 3 }, after: { value: after[0], count: 3 }, limit: 200 }, endedAt: later(25).toISOString() });
    const measurements = (await entriesOf(hive, 'optimization_suggestion', me)).filter(({ action }) => action === 'optimization_suggestion.measured');
    expect(measurements).toHaveLength(1);
  });

  it.each([
    ['what is measured in one window more', [[30, 2]], 31, 'verified', 3],
    ['nothing behind that window', [[50, 5]], 60, 'no_effect', 1],
  ] as const)('counts %s when there were too few values, and waits no longer', async (_, further, settledAt, status, count) => {
    const { me, subject, suggestion } = await slowed();
    const accepted = await patch(me, suggestion, { status: 'accepted' });
    const implemented = (await patch(me, accepted.body, { status: 'implemented' })).body;
    const later = (hours: number) => new Date(Date.parse(implemented.implementedAt!) + hours * HOUR_MS);
    await measured(me, subject, later(2), [120]);
    for (const [hours, values] of further) await measured(me, subject, later(hours), Array<number>(values).fill(120));
    expect(await review(me, later(29))).toMatchObject({ measured: 0 });
    expect(await review(me, later(settledAt))).toMatchObject({ measured: 1 });
    const [settled] = (await suggestions(me)).filter(({ id }) => id === suggestion.id);
    expect(settled).toMatchObject({ status, effect: { after: { value: 120, count } }, endedAt: later(settledAt).toISOString() });
    expect(Date.parse(settled!.effect!.after.to)).toBeLessThanOrEqual(later(48).getTime());
  });

  it('looks once at a window that several rules compare', async () => {
    const me = principal();
    await putRule(me, 'a', { kind: 'above_baseline', threshold: 2, windowHours: 24, baselineDays: 14 });
    await putRule(me, 'b', { kind: 'above_baseline', threshold: 3, windowHours: 24, baselineDays: 7 });
    const windows: WorkWindow[] = [];
    looked = (window) => void windows.push(window);
    await review(me);
    expect(windows.map(({ from, to }) => (to.getTime() - from.getTime()) / DAY_MS)).toEqual([14, 1, 7]);
  });

  it('lists suggestions by status and category, page by page', async () => {
    const [me, subjects] = [principal(), [newId(), newId(), newId()]];
    await putRule(me, 'slow-answers', RULE);
    for (const subject of subjects) {
      await measured(me, subject, new Date(Date.now() - 3 * DAY_MS), [100, 100, 100]);
      await measured(me, subject, new Date(Date.now() - 2 * HOUR_MS), [300, 300, 300]);
    }
    expect(await review(me)).toEqual({ opened: 3, measured: 0 });
    const first = (await hive.get<{ items: SuggestionDto[]; nextCursor: string; total: number }>('/v1/optimization-suggestions?status=open&category=performance&limit=2&total=true', { as: me })).body;
    const second = (await hive.get<{ items: SuggestionDto[]; nextCursor: null }>(`/v1/optimization-suggestions?status=open&category=performance&limit=2&cursor=${first.nextCursor}`, { as: me })).body;
    expect([first.total, new Set([...first.items, ...second.items].map(({ id }) => id)).size, second.nextCursor]).toEqual([3, 3, null]);
    expect(await suggestions(me, '?status=accepted')).toEqual([]);
    expect(await suggestions(me, '?category=reliability')).toEqual([]);
    expect((await hive.get('/v1/optimization-suggestions?status=done', { as: me })).status).toBe(422);
  });
});
