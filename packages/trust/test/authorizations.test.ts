import { RISKS } from '@agent-hive/audit';
import { newId, runAs, tenantRead } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { sql } from 'kysely';
import { allows, levelNeeded, reasonOf } from '../src/gate/gate.js';
import { isAllowed } from '../src/gate/gate.sql.js';
import { anAgent, aPerson, approved, aSession, asAgent, authorize, decided, expire, inSeconds, judge, overridden, read, recorded, respond, trustApp, trustOf, use } from './world.js';

describe('the gate', () => {
  let hive: TestApp;
  let agent: { id: string };
  beforeAll(async () => {
    hive = await trustApp();
  });
  beforeEach(async () => {
    agent = await anAgent(hive);
  });
  afterAll(() => hive.close());

  it.each([
    ['L0', 'deploy', ['needs_approval', 'needs_approval', 'needs_approval', 'needs_approval']],
    ['L1', 'deploy', ['needs_approval', 'needs_approval', 'needs_approval', 'needs_approval']],
    ['L1', 'review', ['allowed', 'needs_approval', 'needs_approval', 'needs_approval']],
    ['L2', 'deploy', ['allowed', 'needs_approval', 'needs_approval', 'needs_approval']],
    ['L3', 'deploy', ['allowed', 'allowed', 'needs_approval', 'needs_approval']],
    ['L4', 'deploy', ['allowed', 'allowed', 'allowed', 'needs_approval']],
  ])('at %s says of %s, by risk: %j', async (level, action, outcomes) => {
    await overridden(hive, agent, level);
    const said = [];
    for (const risk of RISKS) said.push((await authorize(hive, agent, action, risk)).body);
    expect(said.map(({ outcome }) => outcome)).toEqual(outcomes);
    expect(said.map(({ interactionId }) => interactionId !== null)).toEqual(outcomes.map((outcome) => outcome === 'needs_approval'));
    for (const answer of said) expect(answer).toMatchObject({ level, reason: expect.stringMatching(/\w/) });
  });

  it('says the same in SQL and in words, for every level, class and risk', async () => {
    const cases = [0, 1, 2, 3, 4].flatMap((level) => ['review', 'read', 'other', 'deploy'].flatMap((actionClass) => RISKS.map((risk) => ({ level, actionClass, risk }))));
    const found = await runAs(hive.orm.em, hive.me, () =>
      tenantRead(hive.orm.em, async (db) => (await sql<{ allowed: boolean }>`select ${isAllowed(sql`c.level`, sql`c."actionClass"`, sql`c.risk`)} as allowed from json_to_recordset(${JSON.stringify(cases)}::json) as c(level smallint, "actionClass" text, risk text)`.execute(db)).rows),
    );
    expect(found.map(({ allowed }) => allowed)).toEqual(cases.map(({ level, actionClass, risk }) => allows(level, actionClass, risk)));
    expect(RISKS.map((risk) => levelNeeded('deploy', risk))).toEqual([2, 3, 4, null]);
    expect(reasonOf(1, 'deploy', 'high')).toBe('L1 for deploy asks before high risk, which takes L4');
  });

  it('opens one question for what is asked again, and lets what was approved through once', async () => {
    const ask = (details: object) => authorize(hive, agent, 'deploy', 'high', { details });
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask({ service: 'web', revision: 7 })));
    const [id, ...others] = [...new Set(answers.map(({ body }) => body.interactionId))];
    expect(others).toEqual([]);
    expect((await ask({ service: 'web', revision: 8 })).body.interactionId).not.toBe(id);
    expect(await read(hive, { id: id! })).toMatchObject({ type: 'approval_request', priority: 7, action: { name: 'deploy', parameters: { risk: 'high', details: { service: 'web', revision: 7 } } }, expiresAt: expect.any(String) });
    const person = await aPerson(hive);
    await respond(hive, { id: id! }, { status: 'approved' }, { as: person });
    // The same action, said in another order, by many at once: one may.
    const used = await Promise.all(Array.from({ length: 6 }, () => ask({ revision: 7, service: 'web' })));
    expect(used.filter(({ body }) => body.outcome === 'allowed')).toMatchObject([{ body: { interactionId: id, reason: 'Approved by a person' } }]);
    expect(await recorded(hive, id!)).toEqual(['interaction.used', 'interaction.approved', 'interaction.created']);
  });

  it('keeps nothing of classes that are only asked about', async () => {
    for (let i = 0; i < 50; i++) expect((await authorize(hive, agent, `word ${i}`, 'low')).body.outcome).toBe('needs_approval');
    expect((await trustOf(hive, agent)).classes).toEqual([]);
  });

  it('refuses what a person refused, and asks anew once the question is over', async () => {
    const first = (await authorize(hive, agent, 'deploy', 'high')).body;
    await respond(hive, { id: first.interactionId! }, { status: 'rejected' });
    expect((await authorize(hive, agent, 'deploy', 'high')).body).toMatchObject({ outcome: 'refused', interactionId: first.interactionId });
    const second = (await authorize(hive, agent, 'deploy', 'critical')).body;
    await expire(hive, inSeconds(90_000));
    expect((await authorize(hive, agent, 'deploy', 'critical')).body).toMatchObject({ outcome: 'needs_approval', interactionId: expect.not.stringMatching(second.interactionId!) });
  });

  it('refuses an agent that is shut down, and holds to the ceiling of a session', async () => {
    await overridden(hive, agent, 'L4');
    const session = await aSession(hive, agent, { trustLevel: 'L2' });
    expect((await authorize(hive, agent, 'deploy', 'medium', { sessionId: session.id })).body).toMatchObject({ outcome: 'needs_approval', level: 'L2' });
    await hive.post(`/v1/agents/${agent.id}/heartbeat`, { status: 'shutdown' });
    expect((await authorize(hive, agent, 'deploy', 'low')).body).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('shut down') });
  });

  it('answers an agent for itself, in its own sessions', async () => {
    const other = await anAgent(hive);
    expect(await authorize(hive, agent, 'deploy', 'low', {}, { as: asAgent(agent, hive.me) })).toMatchObject({ status: 200, body: { outcome: 'needs_approval' } });
    expect(await authorize(hive, agent, 'deploy', 'low', {}, { as: asAgent(other, hive.me) })).toMatchObject({ status: 403, body: { code: 'not-yours' } });
    expect(await authorize(hive, agent, 'deploy', 'low', { sessionId: (await aSession(hive, other)).id })).toMatchObject({ status: 403, body: { code: 'not-yours' } });
    for (const rest of [{ sessionId: newId() }, { toolId: newId() }]) expect((await authorize(hive, agent, 'deploy', 'low', rest)).status).toBe(404);
    expect((await authorize(hive, agent, 'deploy', 'low', {}, { as: principal() })).status).toBe(404);
    for (const body of [{ action: '' }, { action: '*' }, { risk: 'huge' }, { risk: undefined }, { details: [] }]) expect((await hive.post('/v1/authorizations', { agentId: agent.id, action: 'deploy', risk: 'low', ...body })).status).toBe(422);
  });

  describe('of tools', () => {
    const aTool = async (securityLevel: string) => (await hive.post<{ id: string }>('/v1/tools', { name: newId(), version: '1', schema: { type: 'object' }, securityLevel })).body.id;
    const grant = (toolId: string, request = {}) => hive.put<{ code?: string }>(`/v1/agents/${agent.id}/tools/${toolId}`, {}, request);

    it('takes the risk from the tool, and needs a grant', async () => {
      await overridden(hive, agent, 'L3');
      const [harmless, dangerous] = [await aTool('low'), await aTool('high')];
      expect((await authorize(hive, agent, 'tool_use', 'low', { toolId: harmless })).body).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('no grant') });
      await grant(harmless);
      await grant(dangerous);
      expect((await authorize(hive, agent, 'tool_use', 'low', { toolId: harmless })).body).toMatchObject({ outcome: 'allowed' });
      expect((await authorize(hive, agent, 'tool_use', 'low', { toolId: dangerous })).body).toMatchObject({ outcome: 'needs_approval' });
    });

    it('lets people grant, and an agent take for itself what its level or an approval allows', async () => {
      const [tool, as] = [await aTool('high'), asAgent(agent, hive.me)];
      expect(await grant(tool, { as })).toMatchObject({ status: 409, body: { code: 'needs-approval' } });
      const asked = (await authorize(hive, agent, 'tool_grant', 'high', { details: { toolId: tool } }, { as })).body;
      await respond(hive, { id: asked.interactionId! }, { status: 'approved' });
      expect((await grant(tool, { as })).status).toBe(201);
      expect(await grant(tool, { as })).toMatchObject({ status: 409, body: { code: 'needs-approval' } }); // used up
      expect((await grant(await aTool('high'))).status).toBe(201);
      await overridden(hive, agent, 'L4');
      expect((await grant(await aTool('high'), { as })).status).toBe(201);
    });
  });

  describe('beside judgements', () => {
    it('stands in nobody\'s way: an agent takes tools while its decisions are judged', async () => {
      await overridden(hive, agent, 'L1');
      const [session, as] = [await aSession(hive, agent), asAgent(agent, hive.me)];
      const tool = (await hive.post<{ id: string }>('/v1/tools', { name: newId(), version: '1', schema: { type: 'object' }, securityLevel: 'high' })).body.id;
      const made = [];
      for (let i = 0; i < 12; i++) made.push(await decided(hive, session, { actionTaken: { i } }));
      const answers = await Promise.all(made.flatMap((decision) => [judge(hive, decision, 'approved'), hive.put(`/v1/agents/${agent.id}/tools/${tool}`, {}, { as })]));
      expect(answers.map(({ status }) => status)).toEqual(made.flatMap(() => [200, 409]));
    });
  });

  describe('of a fleet that is stopped', () => {
    const stop = (reason = 'they run wild', request = {}) => hive.post<{ id: string; reason: string; cancelledApprovals: number }>('/v1/emergency-stop', { reason }, request);
    afterEach(() => hive.request('DELETE', '/v1/emergency-stop'));

    it('refuses everything, cancels what was waited for, and uses no approval, until it is lifted', async () => {
      await overridden(hive, agent, 'L4');
      const given = await approved(hive, { agentId: agent.id });
      const waiting = (await authorize(hive, agent, 'deploy', 'critical')).body;
      const { body } = await stop();
      expect(body).toMatchObject({ reason: 'they run wild', cancelledApprovals: expect.any(Number) });
      expect(await read(hive, { id: waiting.interactionId! })).toMatchObject({ status: 'cancelled' });
      expect((await authorize(hive, agent, 'deploy', 'low')).body).toEqual({ outcome: 'refused', level: 'L0', reason: expect.stringContaining('stopped'), interactionId: null });
      expect(await use(hive, given)).toMatchObject({ status: 409, body: { code: 'emergency-stop' } });
      expect((await hive.get('/v1/emergency-stop')).body).toMatchObject({ isStopped: true, id: body.id, startedBy: expect.any(String) });
      expect((await hive.request('DELETE', '/v1/emergency-stop')).status).toBe(204);
      expect((await authorize(hive, agent, 'deploy', 'low')).body).toMatchObject({ outcome: 'allowed', level: 'L4' });
      expect((await use(hive, given)).status).toBe(200);
      expect(await recorded(hive, body.id)).toEqual(['emergency_stop.lifted', 'emergency_stop.started']);
      expect((await hive.get('/v1/emergency-stop')).body).toEqual({ isStopped: false, id: null, reason: null, cancelledApprovals: null, startedBy: null, startedAt: null });
    });

    it('leaves an approval that has expired as one that expired', async () => {
      const [{ id }, open] = [(await authorize(hive, agent, 'deploy', 'critical')).body, (await authorize(hive, agent, 'deploy', 'high')).body].map(({ interactionId }) => ({ id: interactionId! })) as [{ id: string }, { id: string }];
      await hive.database.execute(hive.orm, `update trust.interaction set created_at = now() - interval '2 hours', expires_at = now() - interval '1 hour' where id = '${id}'`);
      await stop();
      await expire(hive);
      expect([await recorded(hive, id), await recorded(hive, open.id)]).toEqual([['interaction.expired', 'interaction.created'], ['interaction.cancelled', 'interaction.created']]);
    });

    it('is stopped once: a second call, or many at once, change nothing', async () => {
      const answers = await Promise.all(['a', 'b', 'c', 'd'].map((reason) => stop(reason)));
      const again = await stop('later');
      expect(new Set([...answers, again].map(({ status, body }) => `${status} ${body.id} ${body.reason}`)).size).toBe(1);
      expect([(await hive.request('DELETE', '/v1/emergency-stop')).status, (await hive.request('DELETE', '/v1/emergency-stop')).status]).toEqual([204, 204]);
      expect(await recorded(hive, again.body.id)).toEqual(['emergency_stop.lifted', 'emergency_stop.started']);
    });

    it('is the tenant\'s alone, and needs a reason', async () => {
      await stop();
      expect((await hive.get('/v1/emergency-stop', { as: principal() })).body).toMatchObject({ isStopped: false });
      for (const body of [{}, { reason: '' }, { reason: 7 }]) expect((await hive.post('/v1/emergency-stop', body)).status).toBe(422);
    });
  });
});

describe('the policy', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await trustApp();
  });
  afterAll(() => hive.close());

  interface Policy { version: number; name: string; thresholds: { levels: { promoteAt: number; demoteBelow: number }[]; minSamples: number } }
  const put = (body: object, request = {}) => hive.put<Policy & { code: string; errors: { pointer: string }[] }>('/v1/trust-policies', body, request);
  const list = async (query = '') => (await hive.get<{ items: Policy[]; nextCursor: string | null; total?: number }>(`/v1/trust-policies${query}`)).body;

  it('is the default one, then what people put in force, version by version', async () => {
    expect((await list()).items).toMatchObject([{ version: 0, name: 'default', thresholds: { levels: [{ promoteAt: 0.7 }, { promoteAt: 0.8 }, { promoteAt: 0.9 }, { promoteAt: 0.95 }], windowSize: 200 } }]);
    expect((await put({ preset: 'conservative' })).body).toMatchObject({ version: 1, name: 'conservative', thresholds: { levels: [{ minDecisions: 100, days: 30, minSuccessRate: 0.9 }, { minDecisions: 500, days: 60, minSuccessRate: 0.95 }, { minDecisions: 1000, days: 90, minSuccessRate: 0.98 }] } });
    const { thresholds } = (await list()).items.at(-1)!;
    expect((await put({ name: 'ours', thresholds: { ...thresholds, minSamples: 20 } })).body).toMatchObject({ version: 2, name: 'ours' });
    const first = await list('?limit=2&total=true');
    expect([first.items.map(({ version }) => version), first.total]).toEqual([[2, 1], 3]);
    expect((await list(`?limit=2&cursor=${first.nextCursor}`))).toMatchObject({ items: [{ version: 0 }], nextCursor: null });
    expect((await hive.get<{ items: Policy[] }>('/v1/trust-policies', { as: principal() })).body.items).toHaveLength(1);
    expect((await hive.get<{ policy: object }>(`/v1/agents/${(await anAgent(hive)).id}/trust`)).body.policy).toEqual({ name: 'ours', version: 2 });
  });

  it.each<[string, (levels: Record<string, unknown>[]) => void, string]>([
    ['a level that is lost before it is reached', (levels) => Object.assign(levels[0]!, { demoteBelow: 0.7 }), '/thresholds/levels/0/demoteBelow'],
    ['a level that is reached below the one before', (levels) => Object.assign(levels[1]!, { promoteAt: 0.7 }), '/thresholds/levels/1/promoteAt'],
    ['a level that is kept below the one before', (levels) => Object.assign(levels[2]!, { demoteBelow: 0.75 }), '/thresholds/levels/2/demoteBelow'],
    ['more decisions than the window has', (levels) => Object.assign(levels[0]!, { minDecisions: 201 }), '/thresholds/levels/0/minDecisions'],
    ['less success for a higher level', (levels) => Object.assign(levels[0]!, { minSuccessRate: 0.5 }), '/thresholds/levels/1/minSuccessRate'],
  ])('with %s is refused as crossing', async (_, spoil, pointer) => {
    const thresholds = structuredClone((await list()).items.at(-1)!.thresholds) as { levels: Record<string, unknown>[] };
    spoil(thresholds.levels);
    expect(await put({ thresholds })).toMatchObject({ status: 422, body: { code: 'crossing-thresholds', errors: expect.arrayContaining([expect.objectContaining({ pointer })]) } });
  });

  it('is a preset or thresholds, within their ranges', async () => {
    const { thresholds } = (await list()).items.at(-1)!;
    for (const body of [{}, { preset: 'default', thresholds }, { preset: 'brave' }, { thresholds: { ...thresholds, maxRejectionRate: 1.1 } }, { thresholds: { ...thresholds, levels: [] } }, { thresholds: { ...thresholds, levels: [...thresholds.levels, ...thresholds.levels] } }, { thresholds: { minSamples: 3 } }]) {
      expect([body, (await put(body)).status]).toEqual([body, 422]);
    }
  });

  it('of two that are written at once has one version each, or one is told', async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => put({ preset: 'default' })));
    const written = answers.filter(({ status }) => status === 200);
    expect(written.length).toBeGreaterThan(0);
    expect(new Set(written.map(({ body }) => body.version)).size).toBe(written.length);
    expect(answers.filter(({ status }) => status !== 200).every(({ status, body }) => status === 409 && body.code === 'conflict')).toBe(true);
  });
});
