import { ReviewsService } from '@agent-hive/audit';
import { idFloor, newId, runAs, servicePrincipal, type Principal } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { aTask, anAgent, claim, tasksApp, write } from './world.js';

interface Suggestion {
  id: string;
  ruleName: string;
  category: string;
  status: string;
  version: number;
  evidence: { subject: string; observed: { value: number; count: number }; baseline: { value: number } | null; limit: number; entryIds: string[] };
  effect: { before: { value: number }; after: { value: number; count: number } } | null;
}

const HOUR_MS = 3_600_000;

describe('self-review of work', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await tasksApp();
  });
  afterAll(() => hive.close());

  const review = (as: Principal, now = new Date()) => runAs(hive.orm.em, servicePrincipal(as.tenantId, 'job:review'), () => hive.app.get(ReviewsService, { strict: false }).review(now));
  const suggestions = async (as: Principal) => (await hive.get<{ items: Suggestion[] }>('/v1/optimization-suggestions', { as })).body.items;

  /** So many tasks of a tenant, each failing with an error. */
  async function failures(as: Principal, errors: readonly object[]): Promise<void> {
    const agent = await anAgent(hive, {}, { as });
    for (const error of errors) {
      await aTask(hive, { maxAttempts: 1 }, { as });
      const [held] = await claim(hive, agent, {}, { as });
      const answer = await write(hive, held!, 'failure', { error }, { as });
      if (answer.status !== 200) throw new Error(`not failed: ${JSON.stringify(answer.body)}`);
    }
  }

  const times = (count: number, error: (n: number) => object) => Array.from({ length: count }, (_, n) => error(n));

  it('suggests something when the same error comes up more than 5 times in 24 h, and names entries of the record [S2.69]', async () => {
    const me = principal();
    await failures(me, [...times(5, () => ({ code: 'E_TIMEOUT', message: 'no answer' })), ...times(5, () => ({ message: 'disk full' }))]);
    expect(await review(me)).toEqual({ opened: 0, measured: 0 });
    await failures(me, [{ code: 'E_TIMEOUT', message: 'no answer this time either' }]);
    expect(await review(me, new Date(Date.now() + 25 * HOUR_MS))).toEqual({ opened: 0, measured: 0 });
    expect(await review(me)).toEqual({ opened: 1, measured: 0 });
    const [suggestion] = await suggestions(me);
    expect(suggestion).toMatchObject({ ruleName: 'repeated-errors', category: 'reliability', status: 'open', evidence: { subject: 'task: E_TIMEOUT', observed: { value: 6, count: 6 }, baseline: null, limit: 5 } });
    expect(suggestion!.evidence.entryIds.length).toBeGreaterThan(0);
    for (const id of suggestion!.evidence.entryIds) expect((await hive.get<{ subject: object }>(`/v1/audit/entries/${id}`, { as: me })).body.subject).toMatchObject({ type: 'task' });
    expect(await review(me)).toEqual({ opened: 0, measured: 0 });
    expect(await suggestions(principal())).toEqual([]);
  });

  it.each([['verified', 0], ['verified', 2], ['no_effect', 7]] as const)('counts the error again after the repair: %s, with %i of it', async (status, again) => {
    const me = principal();
    await failures(me, times(6, () => ({ code: 'E_AUTH', message: 'denied' })));
    await review(me);
    const [suggestion] = await suggestions(me);
    const move = (to: string, version: number) => hive.patch<Suggestion>(`/v1/optimization-suggestions/${suggestion!.id}`, { status: to }, { as: me, headers: { 'if-match': `"${version}"` } });
    await move('accepted', 1);
    expect((await move('implemented', 2)).status).toBe(200);
    await failures(me, times(again, () => ({ code: 'E_AUTH', message: 'denied' })));
    expect(await review(me, new Date(Date.now() + 25 * HOUR_MS))).toMatchObject({ measured: 1 });
    expect((await suggestions(me)).find(({ id }) => id === suggestion!.id)).toMatchObject({ status, effect: { before: { value: 6 }, after: { value: again } } });
  });

  it('counts the error again however many others there are that come up more often', async () => {
    const me = principal();
    await failures(me, times(6, () => ({ code: 'E_AUTH', message: 'denied' })));
    await review(me);
    const [suggestion] = await suggestions(me);
    for (const [status, version] of [['accepted', 1], ['implemented', 2]] as const) await hive.patch(`/v1/optimization-suggestions/${suggestion!.id}`, { status }, { as: me, headers: { 'if-match': `"${version}"` } });
    await failures(me, times(7, () => ({ code: 'E_AUTH', message: 'denied' })));
    const { id } = await aTask(hive, {}, { as: me });
    const agent = await anAgent(hive, {}, { as: me });
    await hive.database.execute(hive.orm, `
      insert into tasks.attempt (tenant_id, id, task_id, agent_id, fencing_token, number, redrive, claimed_at, ended_at, outcome, error)
      select '${me.tenantId}', (left(kernel.id_floor(now())::text, 24) || substr(gen_random_uuid()::text, 25))::uuid, '${id}', '${agent.id}', 1, 1, 0, now(), now(), 'failed', jsonb_build_object('code', 'OTHER_' || n % 100)
        from generate_series(1, 800) n`);
    await review(me, new Date(Date.now() + 25 * HOUR_MS));
    expect((await suggestions(me)).find((one) => one.id === suggestion!.id)).toMatchObject({ status: 'no_effect', effect: { before: { value: 6 }, after: { value: 7 } } });
  });

  it('compares with the newest 20,000 attempts of the time before, and looks at no more', async () => {
    const me = principal();
    const [agent, { id }] = [await anAgent(hive, {}, { as: me }), await aTask(hive, { type: 'build' }, { as: me })];
    const took = (count: number, hoursAgo: number, seconds: number) =>
      hive.database.execute(hive.orm, `
        insert into tasks.attempt (tenant_id, id, task_id, agent_id, fencing_token, number, redrive, claimed_at, ended_at, outcome)
        select '${me.tenantId}', (left(kernel.id_floor(now() - interval '${hoursAgo} hours')::text, 24) || substr(gen_random_uuid()::text, 25))::uuid, '${id}', '${agent.id}', 1, 1, 0,
               now() - interval '${hoursAgo} hours ${seconds} seconds', now() - interval '${hoursAgo} hours', 'completed' from generate_series(1, ${count})`);
    await took(10_000, 24 * 10, 100);
    await took(20_000, 24 * 5, 10);
    await took(5, 2, 20);
    expect(await review(me)).toEqual({ opened: 1, measured: 0 });
    expect(await suggestions(me)).toMatchObject([{ ruleName: 'slow-work', evidence: { observed: { value: 20_000, count: 5 }, baseline: { value: 10_000, count: 20_000 } } }]);
  });

  it('suggests something when work of a type takes more than 1.5 times what it took in the 14 days before', async () => {
    const me = principal();
    const agent = await anAgent(hive, {}, { as: me });
    /** Attempts that ended some hours ago and took so many seconds. */
    const took = async (type: string, hoursAgo: number, seconds: number) => {
      const { id } = await aTask(hive, { type }, { as: me });
      const endedAt = new Date(Date.now() - hoursAgo * HOUR_MS);
      const rows = times(5, () => ({})).map(() => `('${me.tenantId}', '${idFloor(endedAt).slice(0, 24)}${newId().slice(-12)}', '${id}', '${agent.id}', 1, 1, 0, '${new Date(endedAt.getTime() - seconds * 1000).toISOString()}', '${endedAt.toISOString()}', 'completed')`);
      await hive.database.execute(hive.orm, `insert into tasks.attempt (tenant_id, id, task_id, agent_id, fencing_token, number, redrive, claimed_at, ended_at, outcome) values ${rows.join(', ')}`);
    };
    for (const [type, before, now] of [['build', 100, 160], ['test', 100, 150], ['new', null, 900]] as const) {
      if (before !== null) await took(type, 24 * 7, before);
      await took(type, 2, now);
    }
    expect(await review(me)).toEqual({ opened: 1, measured: 0 });
    expect(await suggestions(me)).toMatchObject([
      { ruleName: 'slow-work', category: 'performance', evidence: { subject: 'task of type build', observed: { value: 160_000, count: 5 }, baseline: { value: 100_000 }, limit: 150_000 } },
    ]);
  });
});
