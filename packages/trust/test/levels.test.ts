import { sql } from 'kysely';
import { runAs, servicePrincipal, tenantSql } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { LevelsService, TrustMetricsService } from '../src/index.js';
import { evaluate, type Judgement } from '../src/level/evaluation.js';
import { thresholdsOf } from '../src/policy/thresholds.js';
import { anAgent, aPerson, aSession, asAgent, changesOf, decided, inSeconds, judge, judged, overridden, recorded, trustApp, trustOf } from './world.js';

const times = (count: number, what: string): string[] => Array.from({ length: count }, () => what);

describe('levels of trust', () => {
  let hive: TestApp;
  let agent: { id: string };
  let session: { id: string };
  beforeAll(async () => {
    hive = await trustApp();
  });
  beforeEach(async () => {
    agent = await anAgent(hive);
    session = await aSession(hive, agent, { trustLevel: 'L4' });
  });
  afterAll(() => hive.close());

  const own = async () => (await trustOf(hive, agent)).classes.find(({ actionClass }) => actionClass === 'code_generation')!;
  const later = <T>(work: () => Promise<T>) => runAs(hive.orm.em, servicePrincipal(hive.me.tenantId, 'job:trust'), work);
  const sweep = (now: Date) => later(() => hive.app.get(LevelsService, { strict: false }).sweep(now));
  const incident = (severity: string, request = {}) => hive.post<{ id: string; code?: string }>(`/v1/agents/${agent.id}/incidents`, { severity, description: 'it deleted the branch' }, request);

  it('rise one by one as the lower bound of approved decisions does, each with its evidence [S4.5, S4.2]', async () => {
    await judged(hive, session, times(29, 'approved'));
    expect(await own()).toMatchObject({ level: 'L0', judgedSinceChange: 29 });
    await judged(hive, session, ['approved']);
    expect(await own()).toMatchObject({ level: 'L1', effectiveLevel: 'L1', judgedSinceChange: 0 });
    const [change] = await changesOf(hive, agent);
    expect(change).toMatchObject({
      actionClass: 'code_generation', kind: 'promotion', from: 'L0', to: 'L1', policyVersion: 0, decidedByType: 'service', decidedBy: expect.any(String),
      evidence: { windowSize: 200, samples: 30, approved: 30, rejected: 0, modified: 0, low: 0.8865, approvalRate: 1, rejectionRate: 0, judgedSinceChange: 30 },
    });
    await judged(hive, session, times(29, 'approved'));
    expect((await own()).level).toBe('L1'); // cooling down
    await judged(hive, session, ['approved']);
    expect((await own()).level).toBe('L2');
    expect(await recorded(hive, agent.id)).toEqual(['trust.level_changed', 'trust.level_changed', 'agent.created']);
    expect((await decided(hive, session)).authorization).toMatchObject({ outcome: 'allowed', level: 'L2' });
    expect((await decided(hive, session, { decisionType: 'refactor' })).authorization).toMatchObject({ outcome: 'needs_approval', level: 'L0' }); // each class is earned
  }, 120_000);

  it('fall when too much is rejected, and take along an override that allows more', async () => {
    const override = await overridden(hive, agent, 'L3');
    await judged(hive, session, [...times(24, 'approved'), ...times(6, 'rejected')]);
    expect(await own()).toMatchObject({ effectiveLevel: 'L3' }); // 20 % are not above 20 %
    await judged(hive, session, ['rejected']);
    expect(await own()).toMatchObject({ level: 'L0', effectiveLevel: 'L0' });
    expect((await changesOf(hive, agent)).map(({ kind, actionClass, from, to }) => [kind, actionClass, from, to])).toEqual([
      ['demotion', 'code_generation', 'L3', 'L0'], ['demotion', null, 'L3', 'L0'], ['override', null, 'L0', 'L3'],
    ]);
    expect(await recorded(hive, override.id)).toEqual(['override.ended', 'override.created']);
  }, 120_000);

  it('fall when what is stated is not what comes', async () => {
    await overridden(hive, agent, 'L2', { actionClass: 'code_generation' });
    await judged(hive, session, times(30, 'approved'), { confidenceScore: 0.7 });
    const [change] = await changesOf(hive, agent);
    expect(change).toMatchObject({ kind: 'demotion', from: 'L2', to: 'L0', reason: 'Calibration error 0.3 is above 0.2', evidence: { expectedCalibrationError: 0.3, brierScore: 0.09, statedConfidences: 30 } });
  }, 120_000);

  it('go to L0 at once with a critical incident, and down by one with a high one; lesser ones are only kept', async () => {
    await judged(hive, session, times(60, 'approved'));
    expect((await own()).level).toBe('L2');
    await incident('medium');
    expect((await own()).level).toBe('L2');
    await incident('high');
    expect((await own()).level).toBe('L1');
    await overridden(hive, agent, 'L4');
    const { body } = await incident('critical');
    expect(await own()).toMatchObject({ level: 'L0', effectiveLevel: 'L0', confidence: { samples: 0 }, override: null });
    const changes = await changesOf(hive, agent);
    expect(changes.filter(({ kind }) => kind === 'incident').map(({ from, to, actionClass }) => [from, to, actionClass])).toEqual(expect.arrayContaining([['L4', 'L0', 'code_generation'], ['L4', 'L0', null], ['L2', 'L1', 'code_generation']]));
    expect(changes.find(({ to, kind }) => kind === 'incident' && to === 'L0')).toMatchObject({ reason: `Incident ${body.id} of severity critical`, evidence: { incidentId: body.id, severity: 'critical' } });
    expect(JSON.stringify(changes)).not.toContain('deleted the branch'); // what is never changed has no words of an incident, which can be erased
    await judged(hive, session, times(5, 'approved'));
    expect((await own()).level).toBe('L0'); // earned anew, not out of what was before
  }, 120_000);

  it('lose one that was earned with a high incident, whatever an override allows or takes', async () => {
    const kept = async () => (await changesOf(hive, agent)).filter(({ kind }) => kind === 'incident').map(({ from, to, evidence }) => [from, to, evidence.earnedFrom, evidence.earnedTo]);
    await judged(hive, session, times(90, 'approved'));
    expect((await own()).level).toBe('L3');
    const held = await overridden(hive, agent, 'L0', { actionClass: 'code_generation' });
    await incident('high');
    expect(await own()).toMatchObject({ level: 'L2', effectiveLevel: 'L0', override: { id: held.id } });
    expect(await kept()).toEqual([['L0', 'L0', 'L3', 'L2']]);
    await incident('high');
    await overridden(hive, agent, 'L4', { actionClass: 'code_generation' });
    await incident('high');
    expect(await own()).toMatchObject({ level: 'L0', effectiveLevel: 'L0', override: null });
    expect(await kept()).toEqual([['L4', 'L0', 'L1', 'L0'], ['L0', 'L0', 'L2', 'L1'], ['L0', 'L0', 'L3', 'L2']]);
    const count = (await changesOf(hive, agent)).length;
    await incident('high'); // there is nothing left to take
    expect(await changesOf(hive, agent)).toHaveLength(count);
  }, 120_000);

  it('never rise by an incident: an override of every class that holds one down stays, and one that only raises ends', async () => {
    await judged(hive, session, times(90, 'approved'));
    await overridden(hive, agent, 'L1');
    await incident('high');
    expect(await own()).toMatchObject({ level: 'L2', effectiveLevel: 'L1' });
    await overridden(hive, agent, 'L4');
    await incident('high');
    expect(await own()).toMatchObject({ level: 'L1', effectiveLevel: 'L1' });
    expect((await trustOf(hive, agent)).effectiveLevel).toBe('L1');
  }, 120_000);

  it('are overridden by people, for a reason and a time', async () => {
    const override = await overridden(hive, agent, 'L3', { actionClass: 'code_generation' }, { as: await aPerson(hive) });
    expect(await own()).toMatchObject({ level: 'L0', effectiveLevel: 'L3', override: { id: override.id, level: 'L3' } });
    await overridden(hive, agent, 'L1', { actionClass: 'code_generation' });
    expect(await own()).toMatchObject({ effectiveLevel: 'L1' });
    expect(await hive.request('DELETE', `/v1/agents/${agent.id}/trust/overrides/${override.id}`)).toMatchObject({ status: 409, body: { code: 'override-ended' } });
    const { override: last } = await own();
    expect((await hive.request('DELETE', `/v1/agents/${agent.id}/trust/overrides/${last!.id}`)).status).toBe(204);
    expect(await own()).toMatchObject({ effectiveLevel: 'L0', override: null });
    expect((await changesOf(hive, agent)).map(({ kind, to }) => [kind, to])).toEqual([['override_lifted', 'L0'], ['override', 'L1'], ['override', 'L3']]);
  });

  it.each<[string, object]>([
    ['no reason', { level: 'L1', expiresAt: inSeconds(60).toISOString() }],
    ['an empty reason', { level: 'L1', reason: '', expiresAt: inSeconds(60).toISOString() }],
    ['no expiry', { level: 'L1', reason: 'r' }],
    ['an expiry that has passed', { level: 'L1', reason: 'r', expiresAt: '2020-01-01T00:00:00Z' }],
    ['a level that is none', { level: 'L5', reason: 'r', expiresAt: inSeconds(60).toISOString() }],
    ['a level below L0', { level: 'L-1', reason: 'r', expiresAt: inSeconds(60).toISOString() }],
    ['a bare number', { level: 3, reason: 'r', expiresAt: inSeconds(60).toISOString() }],
  ])('take no override with %s [S4.145]', async (_, body) => {
    expect((await hive.post(`/v1/agents/${agent.id}/trust/overrides`, body)).status).toBe(422);
    expect(await trustOf(hive, agent)).toMatchObject({ classes: [] });
  });

  it.each([
    ['level = 5', /standing_level_check/],
    ['level = -1', /standing_level_check/],
    ['override_level = 7, override_expires_at = now(), override_id = agent_id', /standing_override_level_check/],
    ['override_level = -1, override_expires_at = now(), override_id = agent_id', /standing_override_level_check/],
  ])('outside 0 to 4 are refused by the database: %s [S4.145]', async (values, check) => {
    await judged(hive, session, ['approved']);
    await expect(hive.database.execute(hive.orm, `update trust.standing set ${values} where action_class <> '*'`)).rejects.toThrow(check);
  });

  it('are no agent\'s to move: not its own, not another\'s', async () => {
    const made = await overridden(hive, agent, 'L1');
    const frozen = (await hive.post<{ id: string }>(`/v1/agents/${agent.id}/trust/freezes`, { reason: 'r' })).body;
    const other = await anAgent(hive);
    const body = { level: 'L4', reason: 'I am good', expiresAt: inSeconds(60).toISOString() };
    for (const [as, code] of [[asAgent(agent, hive.me), 'own-trust'], [asAgent(other, hive.me), 'people-only']] as const) {
      const answers = [
        await hive.post<{ code: string }>(`/v1/agents/${agent.id}/trust/overrides`, body, { as }), await hive.post<{ code: string }>(`/v1/agents/${agent.id}/trust/freezes`, { reason: 'r' }, { as }),
        await hive.request<{ code: string }>('DELETE', `/v1/agents/${agent.id}/trust/overrides/${made.id}`, { as }), await hive.request<{ code: string }>('DELETE', `/v1/agents/${agent.id}/trust/freezes/${frozen.id}`, { as }),
      ];
      expect(answers.map(({ status, body: { code: said } }) => [status, said])).toEqual(answers.map(() => [403, code]));
    }
    const as = asAgent(agent, hive.me);
    const rest = [await hive.put('/v1/trust-policies', { preset: 'default' }, { as }), await hive.post('/v1/emergency-stop', { reason: 'r' }, { as }), await hive.request('DELETE', '/v1/emergency-stop', { as }), await incident('low', { as: asAgent(other, hive.me) })];
    expect(rest.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect((await incident('low', { as })).status).toBe(201); // it may say what went wrong by itself
  });

  it('are not raised by an override while they are frozen, and are lowered', async () => {
    const { body: freeze } = await hive.post<{ id: string }>(`/v1/agents/${agent.id}/trust/freezes`, { reason: 'under review' });
    const override = (level: string, actionClass?: string) => hive.post<{ code?: string; level: string }>(`/v1/agents/${agent.id}/trust/overrides`, { level, actionClass, reason: 'r', expiresAt: inSeconds(60).toISOString() });
    for (const actionClass of [undefined, 'code_generation']) expect(await override('L1', actionClass)).toMatchObject({ status: 409, body: { code: 'frozen', level: 'L0' } });
    expect(await changesOf(hive, agent)).toEqual([]);
    expect((await override('L0')).status).toBe(201);
    await hive.request('DELETE', `/v1/agents/${agent.id}/trust/freezes/${freeze.id}`);
    expect((await override('L3')).status).toBe(201);
    await hive.post(`/v1/agents/${agent.id}/trust/freezes`, { reason: 'again' });
    expect((await override('L2', 'code_generation')).status).toBe(201);
    expect(await override('L3', 'code_generation')).toMatchObject({ status: 409, body: { code: 'frozen', level: 'L2' } });
  });

  it('stay down while they are frozen, until that is lifted', async () => {
    const { body: freeze } = await hive.post<{ id: string }>(`/v1/agents/${agent.id}/trust/freezes`, { reason: 'under review' });
    await judged(hive, session, times(31, 'approved'));
    expect((await own()).level).toBe('L0');
    expect((await trustOf(hive, agent)).freezes).toMatchObject([{ id: freeze.id, reason: 'under review', liftedAt: null }]);
    expect((await hive.request('DELETE', `/v1/agents/${agent.id}/trust/freezes/${freeze.id}`)).status).toBe(204);
    expect(await hive.request('DELETE', `/v1/agents/${agent.id}/trust/freezes/${freeze.id}`)).toMatchObject({ status: 409, body: { code: 'freeze-lifted' } });
    await judged(hive, session, ['approved']);
    expect((await own()).level).toBe('L1');
  }, 120_000);

  it('fall with time: overrides that are over, and agents that nobody judged for a month', async () => {
    await judged(hive, session, times(30, 'approved'));
    await overridden(hive, agent, 'L4', { actionClass: 'code_generation' });
    await sweep(inSeconds(60));
    expect(await own()).toMatchObject({ level: 'L1', effectiveLevel: 'L4' });
    await sweep(inSeconds(3700));
    expect(await own()).toMatchObject({ level: 'L1', effectiveLevel: 'L1', override: null });
    await sweep(inSeconds(31 * 86_400));
    expect(await own()).toMatchObject({ level: 'L0' });
    expect(await sweep(inSeconds(31 * 86_400))).toBe(0); // safe to run twice
    expect((await changesOf(hive, agent)).map(({ kind, decidedBy }) => [kind, decidedBy === 'job:trust'])).toEqual([['inactivity', true], ['override_expired', true], ['override', false], ['promotion', false]]);
  }, 120_000);

  it('say what is in force when time changes them under an override of every class', async () => {
    await judged(hive, session, times(30, 'approved'));
    await overridden(hive, agent, 'L4', { actionClass: 'code_generation' });
    await overridden(hive, agent, 'L3', { expiresAt: inSeconds(90 * 86_400).toISOString() });
    await sweep(inSeconds(3700));
    await sweep(inSeconds(31 * 86_400));
    expect((await changesOf(hive, agent)).slice(0, 2).map(({ kind, from, to, evidence }) => [kind, from, to, evidence.earnedTo])).toEqual([['inactivity', 'L3', 'L3', 'L0'], ['override_expired', 'L4', 'L3', undefined]]);
  }, 120_000);

  it.each<[string, (last: { id: string }) => Promise<unknown>]>([
    ['a judgement', () => judged(hive, session, ['rejected'])],
    ['an incident', () => incident('high')],
    ['another override', () => overridden(hive, agent, 'L1', { actionClass: 'code_generation' })],
  ])('are no override\'s that ran out before %s, and before the sweep: it expired then, and nobody ended it', async (_, work) => {
    const made = await overridden(hive, agent, 'L4', { actionClass: 'code_generation' });
    await judged(hive, session, [...times(23, 'approved'), ...times(6, 'rejected')], { confidenceScore: undefined });
    await hive.database.execute(hive.orm, `update trust.standing set override_expires_at = now() - interval '1 second', judged_since_change = 30 where agent_id = '${agent.id}'`);
    await work(made);
    const changes = (await changesOf(hive, agent)).map(({ kind, from, to }) => [kind, from, to]);
    expect(changes).toContainEqual(['override_expired', 'L4', 'L0']);
    expect(changes.filter(([kind]) => kind === 'override_expired')).toHaveLength(1);
    expect(await recorded(hive, made.id)).toEqual(['override.created']);
    expect(await own()).toMatchObject({ override: changes[0]![0] === 'override' ? { level: 'L1' } : null });
  }, 120_000);

  it('that a policy does not give are lost by the bound of the highest that it does', () => {
    const window = (approved: number, rejected: number): Judgement[] => [...times(approved, '').map((): Judgement => [1, null, 1]), ...times(rejected, '').map((): Judgement => [-1, null, 1])];
    const policy = { version: 1, name: 'conservative', thresholds: thresholdsOf('conservative') };
    const standing = { level: 4, overrideLevel: null, judgedSinceChange: 200, changedAt: new Date(0) };
    const judgedBy = (seen: Judgement[]) => evaluate({ ...standing, window: seen }, policy, { now: new Date(), isFrozen: false, days: null });
    expect(judgedBy(window(200, 0))).toBeNull();
    expect(judgedBy(window(180, 20))).toMatchObject({ kind: 'demotion', to: 3, reason: expect.stringContaining(`is below ${policy.thresholds.levels[2]!.demoteBelow}`) });
  });

  it('are changed by nobody in the table of changes, not even by the application', async () => {
    await overridden(hive, agent, 'L1');
    await expect(runAs(hive.orm.em, hive.me, () => tenantSql(hive.orm.em, (db) => sql`update trust.level_change set to_level = 4`.execute(db)))).rejects.toThrow(/permission denied/);
  });

  it('are lost to nobody when many judge at once', async () => {
    const made = [];
    for (let i = 0; i < 12; i++) made.push(await decided(hive, session, { actionTaken: { i } }));
    const answers = await Promise.all(made.map((decision) => judge(hive, decision, 'approved')));
    expect(answers.map(({ status }) => status)).toEqual(made.map(() => 200));
    expect(await own()).toMatchObject({ judgedCount: 12, approvedCount: 12, confidence: { samples: 12 } });
  });

  describe('and what is measured', () => {
    const measure = (body: object, request = {}) => hive.post<{ errors: { pointer: string }[] }>(`/v1/agents/${agent.id}/trust/metrics`, { sessionId: session.id, ...body }, request);

    it('is taken within the range of its type [S4.43-S4.49, S4.116, S4.120, S4.125]', async () => {
      for (const metricType of ['accuracy', 'autonomy', 'reliability', 'efficiency']) {
        expect([metricType, (await measure({ metricType, metricValue: 100 })).status, (await measure({ metricType, metricValue: 100.01 })).status, (await measure({ metricType, metricValue: -0.01 })).status]).toEqual([metricType, 201, 422, 422]);
      }
      expect(await measure({ metricType: 'complexity', metricValue: 10, measurementContext: { files: 3 } })).toMatchObject({ status: 201, body: { metricValue: 10, measurementContext: { files: 3 }, sessionId: session.id } });
      expect(await measure({ metricType: 'complexity', metricValue: 10.01 })).toMatchObject({ status: 422, body: { errors: [{ pointer: '/metricValue' }] } });
      expect((await measure({ metricType: 'beauty', metricValue: 1 })).status).toBe(422);
      expect((await measure({ metricType: 'accuracy', metricValue: 1, sessionId: (await aSession(hive, await anAgent(hive))).id })).status).toBe(404);
      expect((await measure({ metricType: 'accuracy', metricValue: 1 }, { as: asAgent(agent, hive.me) })).status).toBe(403);
      expect((await measure({ metricType: 'accuracy', metricValue: 1 }, { as: principal() })).status).toBe(404);
    });

    it.each([['accuracy', 100.01], ['autonomy', 101], ['reliability', 100.5], ['efficiency', -1], ['complexity', 10.01]])('%s of %d is refused by the database itself [S4.116, S4.120, S4.125, S4.145]', async (type, value) => {
      await measure({ metricType: 'complexity', metricValue: 1 });
      await expect(hive.database.execute(hive.orm, `update trust.trust_metric set metric_type = '${type}', metric_value = ${value}`)).rejects.toThrow(/trust_metric_metric_value_check/);
    });

    it('is kept as it is for 30 days, then as the mean of each day [S4.95]', async () => {
      for (const metricValue of [10, 20, 60]) await measure({ metricType: 'efficiency', metricValue });
      const list = async () => (await hive.get<{ items: { metricValue: number; isDaily: boolean; samples: number; sessionId: string | null; measurementContext: object }[] }>(`/v1/agents/${agent.id}/trust/metrics?type=efficiency`)).body.items;
      const aggregate = (now: Date) => later(() => hive.app.get(TrustMetricsService, { strict: false }).aggregate(now));
      await aggregate(inSeconds(29 * 86_400));
      expect(await list()).toHaveLength(3);
      expect(await aggregate(inSeconds(32 * 86_400))).toBeGreaterThanOrEqual(3);
      expect(await list()).toMatchObject([{ metricValue: 30, samples: 3, isDaily: true, sessionId: null, measurementContext: { least: 10, greatest: 60 } }]);
      await measure({ metricType: 'efficiency', metricValue: 90 });
      await aggregate(inSeconds(32 * 86_400));
      expect(await list()).toMatchObject([{ metricValue: 45, samples: 4 }]); // what comes late is weighed in
      expect(await aggregate(inSeconds(32 * 86_400))).toBe(0);
    });
  });
});
