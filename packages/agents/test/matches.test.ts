import { runAs, servicePrincipal } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { WorkloadService } from '../src/index.js';
import type { AgentDto } from '../src/agent/agent.dto.js';
import type { MatchesDto } from '../src/match/match.dto.js';
import { agentsApp, anAgent, inStatus } from './world.js';

describe('matches', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await agentsApp();
  });
  afterAll(() => hive.close());

  const ready = async (me: ReturnType<typeof principal>, overrides: object = {}) => inStatus(hive, await anAgent(hive, overrides, { as: me }), 'active', { as: me });
  const match = async (me: ReturnType<typeof principal>, requirements: object, limit?: number) =>
    (await hive.post<MatchesDto>('/v1/agents/matches', { requirements, ...(limit && { limit }) }, { as: me })).body.items;
  const score = (me: ReturnType<typeof principal>, agent: AgentDto, value: number) =>
    hive.database.execute(hive.orm, `update agents.agent set performance_score = ${value} where tenant_id = '${me.tenantId}' and id = '${agent.id}'`);

  it('ranks active, enhanced agents by capability cover, performance, load and recency, and says why [S1.66]', async () => {
    const me = principal();
    const full = await ready(me, { capabilities: ['sql', 'web_search'] });
    const half = await ready(me, { capabilities: ['sql'] });
    const strong = await ready(me, { capabilities: ['sql'] });
    await score(me, strong, 90);
    await ready(me, { capabilities: ['cooking'] });
    await ready(me, { capabilities: ['sql'], enhancedFeaturesEnabled: false });
    await anAgent(hive, { capabilities: ['sql'] }, { as: me });
    const items = await match(me, { capabilities: ['sql', 'web_search'] });
    expect(items.map((i) => i.agent.id)).toEqual([full.id, strong.id, half.id]);
    expect(items[2]!.reasons).toMatchObject({
      capabilities: { value: 0.5, matched: ['sql'], missing: ['web_search'] },
      performance: { value: 0 },
      load: { value: 1, openCount: 0 },
      recency: { lastHeartbeatAt: expect.any(String) },
    });
    const sum = Object.values(items[0]!.reasons).reduce((total: number, reason: { value: number; weight: number }) => total + reason.value * reason.weight, 0);
    expect(items[0]!.score).toBeCloseTo(sum, 3);
  });

  it('counts the capabilities of the instruction too, and prefers who has less to do', async () => {
    const me = principal();
    const busy = await ready(me, { capabilities: ['sql'] });
    const free = await ready(me, { capabilities: ['sql'] });
    const report = { openCount: 4, succeededCount: 0, failedCount: 0, meanDurationMs: null, p95DurationMs: null, windowSeconds: 3600 };
    const workload = hive.app.get(WorkloadService, { strict: false });
    const write = (openCount: number, measuredAt: Date) =>
      runAs(hive.orm.em, servicePrincipal(me.tenantId, 'tasks'), () => workload.report([{ ...report, openCount, agentId: busy.id, measuredAt }]));
    expect(await write(4, new Date())).toBe(1);
    expect(await write(0, new Date(Date.now() - 5000))).toBe(0);
    const items = await match(me, { capabilities: ['sql'] });
    expect(items.map((i) => [i.agent.id, i.reasons.load.openCount])).toEqual([
      [free.id, 0],
      [busy.id, 4],
    ]);
  });

  it('gives equal agents the same order every time, and answers none with an empty list', async () => {
    const me = principal();
    const agents = [await ready(me), await ready(me), await ready(me)];
    await hive.database.execute(hive.orm, `update agents.presence set last_heartbeat_at = null where tenant_id = '${me.tenantId}'`);
    const orders = await Promise.all(Array.from({ length: 5 }, async () => (await match(me, {})).map((i) => i.agent.id)));
    expect(new Set(orders.map(String)).size).toBe(1);
    expect(orders[0]).toEqual(agents.map((a) => a.id).sort());
    expect(await match(me, { capabilities: ['unheard-of'] })).toEqual([]);
    expect(await match(principal(), {})).toEqual([]);
    expect(await match(me, {}, 2)).toHaveLength(2);
    expect(await match(me, { type: 'qa-test-guardian' })).toEqual([]);
  });

  it('weighs performance more the more complex the work is', async () => {
    const me = principal();
    await ready(me);
    const weight = async (complexity: number) => (await match(me, { complexity }))[0]!.reasons.performance.weight;
    expect(await weight(10)).toBeGreaterThan(await weight(0));
  });

  it.each([
    ['no requirements', {}],
    ['requirements that are a list', { requirements: [] }],
    ['complexity out of range', { requirements: { complexity: 11 } }],
    ['an unknown requirement', { requirements: { colour: 'red' } }],
    ['a limit out of range', { requirements: {}, limit: 101 }],
    ['a limit of null', { requirements: {}, limit: null }],
    ['a domain of null', { requirements: { domain: null } }],
  ])('refuses %s', async (_, body) => {
    expect((await hive.post('/v1/agents/matches', body)).status).toBe(422);
  });
});
