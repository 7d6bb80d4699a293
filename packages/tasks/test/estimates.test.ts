import { idFloor, newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { aTask, anAgent, claim, complete, pastAttempts, refreshEstimates, tasksApp, write } from './world.js';

interface Figures {
  p50Ms: number | null;
  p90Ms: number | null;
  p99Ms: number | null;
  samples: number;
  failures: number;
}

interface Estimate {
  taskId: string;
  complexityScore: number | null;
  type: Figures | null;
  agent: Figures | null;
  capabilities: (Figures & { name: string })[];
  minimumSamples: number;
}

describe('estimates', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await tasksApp();
  });
  afterAll(() => hive.close());

  /** A tenant of its own, with an agent and a task that attempts can be at. */
  async function tenant(overrides: object = {}) {
    const as = principal();
    const agent = await anAgent(hive, {}, { as });
    const task = await aTask(hive, { type: 'build', ...overrides }, { as });
    const { tenantId } = as;
    return {
      as, agent, task,
      past: (durationsMs: readonly number[], outcome?: string, by = agent, at: { id: string } = task) => pastAttempts(hive, { tenantId, task: at, agent: by }, durationsMs, outcome),
      refresh: (now?: Date) => refreshEstimates(hive, now, tenantId),
      estimate: async (of: { id: string } = task) => (await hive.get<Estimate>(`/v1/tasks/${of.id}/estimate`, { as })).body,
    };
  }
  const seconds = (...values: number[]) => values.map((value) => value * 1000);
  const ONE_TO_TEN = seconds(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);

  it('has a column for the score, the duration and the choice, with their defaults [S1.60-S1.62]', async () => {
    const columns = await hive.database.execute<{ name: string; type: string; initial: string | null; nullable: string }>(
      hive.orm,
      `select column_name as name, data_type as type, column_default as initial, is_nullable as nullable from information_schema.columns
        where table_schema = 'tasks' and table_name = 'task' and column_name in ('ai_complexity_score', 'predicted_duration', 'ai_optimization_applied') order by 1`,
    );
    expect(columns).toEqual([
      { name: 'ai_complexity_score', type: 'double precision', initial: '0', nullable: 'YES' },
      { name: 'ai_optimization_applied', type: 'boolean', initial: 'false', nullable: 'NO' },
      { name: 'predicted_duration', type: 'integer', initial: null, nullable: 'YES' },
    ]);
  });

  it('predicts nothing while there are too few samples, and from the tenth on the duration and the score of new tasks [S1.60, S1.61]', async () => {
    const { as, past, refresh, estimate } = await tenant();
    await past(ONE_TO_TEN.slice(0, 9));
    await refresh();
    expect(await estimate()).toMatchObject({ complexityScore: null, type: { p50Ms: null, p90Ms: null, p99Ms: null, samples: 9, failures: 0 }, minimumSamples: 10 });
    expect(await aTask(hive, { type: 'build' }, { as })).toMatchObject({ predictedDuration: null, aiComplexityScore: null, aiOptimizationApplied: false });
    await past(ONE_TO_TEN.slice(9));
    await refresh();
    const { complexityScore, type } = await estimate();
    expect(type).toEqual({ p50Ms: 5500, p90Ms: expect.closeTo(9100, 6), p99Ms: expect.closeTo(9910, 6), samples: 10, failures: 0 });
    expect(await aTask(hive, { type: 'build' }, { as })).toMatchObject({ predictedDuration: 5500, aiComplexityScore: complexityScore });
    expect(await aTask(hive, { type: 'another' }, { as })).toMatchObject({ predictedDuration: null, aiComplexityScore: null });
  });

  it.each([
    ['the shortest', 100, 0, 0],
    ['shorter ones', 3, 0, 0],
    ['an hour', 3_600_000, 0, 7],
    ['a day', 86_400_000, 0, 7],
    ['half way, by the logarithm', 100 * Math.sqrt(36_000), 0, 3.5],
    ['short ones, of which half fail', 100, 10, 1.5],
    ['an hour, of which three in four fail', 3_600_000, 30, 9.25],
  ])('gives %s their score [S1.60]', async (_, ms, failures, score) => {
    const { past, refresh, estimate } = await tenant();
    await past(Array<number>(10).fill(ms));
    if (failures > 0) await past(Array<number>(failures).fill(1), 'failed');
    await refresh();
    expect(await estimate()).toMatchObject({ complexityScore: score, type: { samples: 10, failures } });
  });

  it('tells agents at a type, and capabilities that it required, apart', async () => {
    const { as, agent, past, refresh, estimate } = await tenant({ requiredCapabilities: ['sql', 'go'] });
    const slow = await anAgent(hive, {}, { as });
    const other = await aTask(hive, { type: 'build', requiredCapabilities: ['go'] }, { as });
    await past(Array<number>(10).fill(1000));
    await past(Array<number>(12).fill(9000), 'completed', slow, other);
    await past([1], 'failed', slow, other);
    await refresh();
    const of = (p50Ms: number, samples: number, failures = 0) => expect.objectContaining({ p50Ms, samples, failures }) as Figures;
    const mine = await aTask(hive, { type: 'build', assigneeId: slow.id, requiredCapabilities: ['sql', 'go', 'never asked for'] }, { as });
    expect(await estimate(mine)).toEqual({
      taskId: mine.id, complexityScore: expect.any(Number), type: of(9000, 22, 1), agent: of(9000, 12, 1), minimumSamples: 10,
      capabilities: [expect.objectContaining({ name: 'go', samples: 22, failures: 1 }), expect.objectContaining({ name: 'sql', p50Ms: 1000, samples: 10, failures: 0 })],
    });
    expect((await estimate(await aTask(hive, { type: 'build', assigneeId: agent.id }, { as }))).agent).toEqual(of(1000, 10));
    expect((await estimate(await aTask(hive, { type: 'build' }, { as }))).agent).toBeNull();
  });

  it('counts what fails, expires or runs into its deadline, and not what was given back or called off', async () => {
    const { past, refresh, estimate } = await tenant();
    for (const outcome of ['failed', 'expired', 'deadline_exceeded', 'released', 'cancelled']) await past([500], outcome);
    await refresh();
    expect((await estimate()).type).toMatchObject({ samples: 0, failures: 3 });
  });

  it('learns from work as it is done', async () => {
    const { as, agent, refresh, estimate, task } = await tenant();
    const [first] = await claim(hive, agent, {}, { as });
    await write(hive, first!, 'failure', { error: { message: 'again' } }, { as });
    await aTask(hive, { type: 'build' }, { as });
    const [second] = await claim(hive, agent, {}, { as });
    await complete(hive, second!, {}, { as });
    await refresh();
    expect(await estimate(task)).toMatchObject({ type: { samples: 1, failures: 1 } });
  });

  it('forgets what is older than thirty days', async () => {
    const { past, refresh, estimate } = await tenant();
    await past(ONE_TO_TEN);
    const days = (count: number) => new Date(Date.now() + count * 86_400_000);
    await refresh(days(28));
    expect(await estimate()).toMatchObject({ type: { samples: 10 } });
    await refresh(days(30));
    expect(await estimate()).toMatchObject({ complexityScore: null, type: null, agent: null });
  });

  it('looks at the newest 20,000 attempts and no further', async () => {
    const { as, agent, task, refresh, estimate } = await tenant();
    const insert = (daysAgo: number, count: number, ms: number) => {
      const at = new Date(Date.now() - daysAgo * 86_400_000);
      return hive.database.execute(
        hive.orm,
        `insert into tasks.attempt (tenant_id, id, task_id, agent_id, fencing_token, number, redrive, claimed_at, ended_at, outcome)
         select '${as.tenantId}', ('${idFloor(at).slice(0, 24)}' || lpad(to_hex(n), 12, '0'))::uuid, '${task.id}', '${agent.id}', 1, 1, 0, now(), now() + interval '${ms} milliseconds', 'completed'
           from generate_series(1, ${count}) n`,
      );
    };
    await insert(3, 30_000, 9000);
    await insert(2, 15_000, 1000);
    await refresh();
    expect(await estimate()).toMatchObject({ type: { samples: 20_000, p50Ms: 1000, p90Ms: 9000 } });
  });

  it('takes an attempt that lasted longer than a prediction can say, or that ended before it began by another clock', async () => {
    const { as, past, refresh, estimate } = await tenant();
    await past(Array<number>(10).fill(27 * 86_400_000));
    await refresh();
    expect(await aTask(hive, { type: 'build' }, { as })).toMatchObject({ predictedDuration: 2 ** 31 - 1, aiComplexityScore: 7 });
    await past(Array<number>(30).fill(-50));
    await refresh();
    expect(await estimate()).toMatchObject({ type: { p50Ms: 0 } });
  });

  it('writes only what has changed, no entry, and comes to the same when done twice at once', async () => {
    const { as, past, refresh } = await tenant();
    await past(ONE_TO_TEN);
    const entries = async () => (await hive.get<{ total: number }>('/v1/audit/entries?total=true&limit=1', { as })).body.total;
    const before = await entries();
    const counts = await Promise.all([refresh(), refresh()]);
    expect(Math.max(...counts)).toBe(2);
    expect(await refresh()).toBe(0);
    await past([11_000]);
    expect(await refresh()).toBe(2);
    expect(await entries()).toBe(before);
  });

  it('does not let an older measurement take the place of a newer one', async () => {
    const { past, refresh, estimate } = await tenant();
    await past(ONE_TO_TEN);
    await refresh(new Date(Date.now() + 60_000));
    await past(ONE_TO_TEN);
    expect(await refresh()).toBe(0);
    expect(await estimate()).toMatchObject({ type: { samples: 10 } });
  });

  it('keeps tenants apart, and answers for a foreign task as for one that is not there', async () => {
    const { past, refresh, task } = await tenant();
    await past(ONE_TO_TEN);
    await refresh();
    const other = await tenant();
    await other.refresh();
    expect(await other.estimate()).toMatchObject({ complexityScore: null, type: null });
    const [foreign, unknown] = [await hive.get(`/v1/tasks/${task.id}/estimate`, { as: other.as }), await hive.get(`/v1/tasks/${newId()}/estimate`, { as: other.as })];
    expect([foreign.status, unknown.status]).toEqual([404, 404]);
    expect((await hive.get(`/v1/tasks/${task.id}/estimate`, { as: { ...other.as, scopes: ['tasks:write'] } })).status).toBe(403);
  });
});
