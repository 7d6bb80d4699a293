import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { AssignmentDto, AssignmentPage } from '../src/assignment/assignment.dto.js';
import type { TaskDto } from '../src/index.js';
import { aTask, anActiveAgent, anAgent, claim, complete, inSeconds, pastAttempts, read, refreshEstimates, releaseStranded, sweep, tasksApp, write } from './world.js';

interface Problem {
  code: string;
  detail: string;
  assignmentId: string;
  missing: { capability: string; lackedBy: number }[];
}

describe('assignments', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await tasksApp();
  });
  afterAll(() => hive.close());

  /** A tenant of its own. */
  function tenant() {
    const as = principal();
    const { tenantId } = as;
    return {
      as, tenantId,
      agent: (overrides: object = {}) => anActiveAgent(hive, overrides, { as }),
      task: (overrides: object = {}) => aTask(hive, overrides, { as }),
      assign: (task: { id: string }, body: object = {}) => hive.post<AssignmentDto & Problem>(`/v1/tasks/${task.id}/assignment`, body, { as }),
      history: async (task: { id: string }, query = '') => (await hive.get<AssignmentPage>(`/v1/tasks/${task.id}/assignments${query}`, { as })).body,
      read: (task: { id: string }) => read(hive, task, { as }),
      claim: (agent: { id: string }) => claim(hive, agent, {}, { as }),
      score: (agent: { id: string }, value: number) => hive.database.execute(hive.orm, `update agents.agent set performance_score = ${value} where tenant_id = '${tenantId}' and id = '${agent.id}'`),
      shutDown: async (agent: { id: string }) => expect((await hive.patch(`/v1/agents/${agent.id}`, { status: 'shutdown' }, { as, headers: { 'if-match': '*' } })).status).toBe(200),
      entries: async (task: { id: string }, action: string) => (await hive.get<{ items: object[] }>(`/v1/audit/entries?subjectId=${task.id}&action=${action}`, { as })).body.items,
    };
  }

  it('reserves a task for the best of those that have all that it requires, and keeps who else was looked at and why [S1.3, S1.62]', async () => {
    const { agent, task, assign, read: current, score, claim: claimed, history, entries } = tenant();
    const [able, better, strong] = [await agent({ capabilities: ['sql', 'go'] }), await agent({ capabilities: ['go', 'sql'] }), await agent({ capabilities: ['sql'] })];
    await score(better, 40);
    await score(strong, 100);
    await agent({ capabilities: ['cooking'] });
    const work = await task({ requiredCapabilities: ['sql', 'go'] });
    const { status, body } = await assign(work);
    expect(status).toBe(201);
    expect(body).toMatchObject({ taskId: work.id, agentId: better.id, outcome: null, outcomeAt: null, prediction: { durationMs: null, complexityScore: null, estimator: null } });
    expect(body.candidates.map(({ agentId }) => agentId)).toEqual([better.id, able.id, strong.id]);
    expect(body.candidates[2]).toMatchObject({ reasons: { capabilities: { missing: ['go'] } }, predictedDurationMs: null, samples: 0 });
    expect(body.reason).toBe(`${better.name} has the highest score (${body.candidates[0]!.score}) of 2 candidates with all of go, sql`);
    expect(await current(work)).toMatchObject({ status: 'ready', assigneeId: better.id, aiOptimizationApplied: true, version: work.version + 1 });
    expect(await entries(work, 'task.assigned')).toMatchObject([{ agentId: better.id, previousState: { assigneeId: null }, newState: { assigneeId: better.id } }]);
    expect(await claimed(able)).toEqual([]);
    expect((await claimed(better)).map((held) => held.task.id)).toEqual([work.id]);
    expect((await history(work)).items).toEqual([body]);
  });

  it('prefers one that lacks nothing to better ones, however few are looked at', async () => {
    const { agent, task, assign, score } = tenant();
    const able = await agent({ capabilities: ['a', 'b', 'c', 'd'] });
    for (let i = 0; i < 3; i++) await score(await agent({ capabilities: ['a', 'b', 'c'] }), 100);
    const work = await task({ requiredCapabilities: ['a', 'b', 'c', 'd'] });
    expect((await assign(work, { limit: 1 })).body).toMatchObject({ agentId: able.id, candidates: [{ agentId: able.id }] });
    const { body } = await assign(work, { limit: 2 });
    expect(body.agentId).toBe(able.id);
    expect(body.candidates[1]!.score).toBeGreaterThan(body.candidates[0]!.score);
  });

  it('leaves the task as it is when nobody fits, says what is missing, and records that', async () => {
    const { agent, task, assign, read: current, history, entries } = tenant();
    const work = await task({ requiredCapabilities: ['go', 'sql'] });
    expect(await assign(work)).toMatchObject({ status: 409, body: { code: 'nobody-fits', detail: expect.stringContaining('no active agent with enhanced features has any of go, sql'), missing: [{ capability: 'go', lackedBy: 0 }, { capability: 'sql', lackedBy: 0 }] } });
    await agent({ capabilities: ['sql'] });
    await agent({ capabilities: ['sql'] });
    const { status, body } = await assign(work);
    expect([status, body]).toMatchObject([409, { code: 'nobody-fits', detail: expect.stringContaining('none of 2 candidates has all of go, sql: missing are go (in 2)'), missing: [{ capability: 'go', lackedBy: 2 }] }]);
    expect(await current(work)).toEqual(work);
    const { items } = await history(work);
    expect(items).toMatchObject([{ id: body.assignmentId, agentId: null, candidates: [{}, {}] }, { agentId: null, candidates: [] }]);
    expect(await entries(work, 'task.assignment_failed')).toHaveLength(2);
    expect(await assign(await task(), { agentType: 'no-such-type' })).toMatchObject({ status: 409, body: { detail: expect.stringContaining('of type no-such-type') } });
  });

  it('choose nobody whose trust would keep the task from it, say so, and give back what one is no longer trusted with', async () => {
    const { as, agent, score, task, assign, read: current, entries } = tenant();
    const [trusted, better] = [await agent({ capabilities: ['go'] }), await agent({ capabilities: ['go'] })];
    await score(better, 100);
    const work = await task({ requiredCapabilities: ['go'], risk: 'medium' });
    const refused = await assign(work);
    expect(refused).toMatchObject({ status: 409, body: { code: 'nobody-fits', detail: expect.stringContaining('none of 2 candidates is trusted with a task of medium risk'), missing: [] } });
    const override = await hive.post<{ id: string }>(`/v1/agents/${trusted.id}/trust/overrides`, { level: 'L3', reason: 'as tests need it', expiresAt: inSeconds(3600) }, { as });
    expect(override.status).toBe(201);
    const { body } = await assign(work);
    expect(body).toMatchObject({ agentId: trusted.id, reason: expect.stringContaining('of 1 candidates') });
    expect(body.candidates.map(({ agentId, isTrusted }) => [agentId, isTrusted])).toEqual([[better.id, false], [trusted.id, true]]);
    expect(await releaseStranded(hive, as.tenantId)).toBe(0);
    await hive.database.execute(hive.orm, `update trust.standing set override_expires_at = now() - interval '1 second' where agent_id = '${trusted.id}'`);
    expect(await releaseStranded(hive, as.tenantId)).toBe(1);
    expect(await current(work)).toMatchObject({ assigneeId: null });
    expect(await entries(work, 'task.unassigned')).toMatchObject([{ newState: { reason: 'agent_untrusted' } }]);
  });

  it('refuses what is held, has ended, or is a group', async () => {
    const { as, agent, task, assign, claim: claimed } = tenant();
    const worker = await agent();
    const work = await task();
    const [held] = await claimed(worker);
    expect(await assign(work)).toMatchObject({ status: 409, body: { code: 'task-held', taskStatus: 'claimed' } });
    await complete(hive, held!, {}, { as });
    expect(await assign(work)).toMatchObject({ status: 409, body: { code: 'task-ended', taskStatus: 'completed' } });
    expect(await assign(await task({ childPolicy: 'all' }))).toMatchObject({ status: 409, body: { code: 'task-is-group' } });
    const blocked = await task({ dependsOn: [{ taskId: (await task()).id }] });
    expect(await assign(blocked)).toMatchObject({ status: 201, body: { agentId: worker.id } });
  });

  it('tells the last assignment how the task ended, and no other', async () => {
    const { as, agent, task, assign, claim: claimed, history, read: current } = tenant();
    const first = await agent();
    const work = await task({ maxAttempts: 1 });
    expect((await assign(work)).body.agentId).toBe(first.id);
    const second = await agent();
    await hive.patch(`/v1/agents/${first.id}`, { enhancedFeaturesEnabled: false }, { as, headers: { 'if-match': '*' } });
    expect((await assign(work)).body.agentId).toBe(second.id);
    await assign(work, { agentType: 'no-such-type' });
    const [held] = await claimed(second);
    await write(hive, held!, 'failure', { error: { message: 'no' } }, { as });
    const outcomes = async () => (await history(work)).items.map(({ agentId, outcome }) => [agentId, outcome]);
    expect(await outcomes()).toEqual([[null, null], [second.id, 'dead'], [first.id, null]]);
    await hive.post(`/v1/tasks/${work.id}/redrive`, {}, { as });
    const [again] = await claimed(second);
    await complete(hive, again!, {}, { as });
    expect(await outcomes()).toEqual([[null, null], [second.id, 'completed'], [first.id, null]]);
    expect((await history(work)).items[1]!.outcomeAt).toBe((await current(work)).completedAt);
  });

  it('has no outcome by an agent that somebody chose by hand since', async () => {
    const { as, agent, task, assign, claim: claimed, history } = tenant();
    const chosen = await agent();
    const work = await task();
    await assign(work);
    const other = await agent();
    const changed = await hive.patch<TaskDto>(`/v1/tasks/${work.id}`, { assigneeId: other.id }, { as, headers: { 'if-match': '*' } });
    expect(changed.body).toMatchObject({ assigneeId: other.id, aiOptimizationApplied: false });
    expect(await claimed(chosen)).toEqual([]);
    await complete(hive, (await claimed(other))[0]!, {}, { as });
    expect((await history(work)).items).toMatchObject([{ agentId: chosen.id, outcome: null }]);
  });

  it('rests on what is known of the agents: duration, score, samples [S1.60, S1.61]', async () => {
    const { as, tenantId, agent, task, assign, read: current } = tenant();
    const [slow, quick] = [await agent(), await agent()];
    const done = await task({ type: 'build' });
    await pastAttempts(hive, { tenantId, task: done, agent: slow }, Array<number>(10).fill(9000));
    await pastAttempts(hive, { tenantId, task: done, agent: quick }, Array<number>(10).fill(1000));
    const work = await aTask(hive, { type: 'build' }, { as });
    expect(work).toMatchObject({ predictedDuration: null, aiComplexityScore: null });
    await refreshEstimates(hive, new Date(), tenantId);
    const { body } = await assign(work);
    expect(body.candidates.map(({ agentId, predictedDurationMs, samples }) => [agentId, predictedDurationMs, samples]).sort()).toEqual([[slow.id, 9000, 10], [quick.id, 1000, 10]].sort());
    const own = body.agentId === slow.id ? 9000 : 1000;
    expect(body.prediction).toMatchObject({ durationMs: own, complexityScore: expect.any(Number), history: { type: { samples: 20 }, agent: { p50Ms: own, samples: 10 }, minimumSamples: 10 }, estimator: null });
    expect(await current(work)).toMatchObject({ predictedDuration: own, aiComplexityScore: body.prediction.complexityScore });
  });

  it('wakes the agent that it chose', async () => {
    const { as, agent, task, assign } = tenant();
    const chosen = await agent();
    const other = await anAgent(hive, {}, { as });
    const work = await task({ assigneeId: other.id });
    const waiting = claim(hive, chosen, { waitSeconds: 10 }, { as });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await assign(work)).body.agentId).toBe(chosen.id);
    expect((await waiting).map((held) => held.task.id)).toEqual([work.id]);
  });

  it('does not strand a task with an agent that is shut down, nor let that one be deleted', async () => {
    const { as, tenantId, agent, task, assign, read: current, claim: claimed, shutDown, entries, history } = tenant();
    const chosen = await agent();
    const [waits, blocked, pinned] = [await task(), await task({ dependsOn: [{ taskId: (await task({ runAt: inSeconds(3600) })).id }] }), await task({ assigneeId: chosen.id })];
    await assign(waits);
    await assign(blocked);
    expect(await releaseStranded(hive, tenantId)).toBe(0);
    await shutDown(chosen);
    expect(await releaseStranded(hive, tenantId)).toBe(1);
    expect(await releaseStranded(hive, tenantId)).toBe(0);
    expect(await current(waits)).toMatchObject({ status: 'ready', assigneeId: null, aiOptimizationApplied: false });
    expect(await current(pinned)).toMatchObject({ assigneeId: chosen.id });
    expect(await entries(waits, 'task.unassigned')).toMatchObject([{ agentId: chosen.id, previousState: { assigneeId: chosen.id } }]);
    const other = await agent();
    await complete(hive, (await claimed(other))[0]!, {}, { as });
    expect((await history(waits)).items).toMatchObject([{ agentId: chosen.id, outcome: null }]);
    const refused = await hive.delete<{ code: string; counts: Record<string, number> }>(`/v1/agents/${chosen.id}`, { as, headers: { 'if-match': '*' } });
    expect([refused.status, refused.body]).toMatchObject([409, { code: 'has-history', counts: { 'tasks.assignment': 2 } }]);
  });

  it('does not strand a task with an agent that can no longer do it', async () => {
    const { as, tenantId, agent, task, assign, read: current, claim: claimed, entries } = tenant();
    const chosen = await agent({ capabilities: ['translating', 'reading'] });
    const [hard, easy] = [await task({ requiredCapabilities: ['translating'] }), await task({ requiredCapabilities: ['reading'] })];
    await assign(hard);
    await assign(easy);
    expect((await hive.patch(`/v1/agents/${chosen.id}`, { capabilities: ['reading'] }, { as, headers: { 'if-match': '*' } })).status).toBe(200);
    expect(await releaseStranded(hive, tenantId)).toBe(1);
    expect(await current(hard)).toMatchObject({ status: 'ready', assigneeId: null });
    expect(await current(easy)).toMatchObject({ assigneeId: chosen.id });
    expect(await entries(hard, 'task.unassigned')).toMatchObject([{ agentId: chosen.id, newState: { reason: 'agent_incapable' } }]);
    const other = await agent({ capabilities: ['translating'] });
    expect((await claimed(other)).map((held) => held.task.id)).toEqual([hard.id]);
  });

  it('stays with its agent when an attempt fails or a lease runs out', async () => {
    const { as, tenantId, agent, task, assign, claim: claimed, read: current } = tenant();
    const chosen = await agent();
    const work = await task({ backoff: { kind: 'fixed', seconds: 0 } });
    await assign(work);
    await write(hive, (await claimed(chosen))[0]!, 'failure', { error: { message: 'again' } }, { as });
    expect(await current(work)).toMatchObject({ status: 'ready', assigneeId: chosen.id });
    await sweep(hive, inSeconds(5), tenantId);
    await claimed(chosen);
    await sweep(hive, inSeconds(3600), tenantId);
    expect(await current(work)).toMatchObject({ status: 'ready', assigneeId: chosen.id, aiOptimizationApplied: true });
  });

  it('chooses once for many that ask at once, each decision in the history, page by page', async () => {
    const { agent, task, assign, history } = tenant();
    await agent();
    const work = await task();
    const answers = await Promise.all(Array.from({ length: 5 }, () => assign(work)));
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(201));
    const first = await history(work, '?limit=3&total=true');
    const rest = await history(work, `?limit=3&cursor=${first.nextCursor}`);
    expect([first.items.length, first.total, rest.items.length, rest.nextCursor]).toEqual([3, 5, 2, null]);
    expect(new Set([...first.items, ...rest.items].map(({ id }) => id))).toEqual(new Set(answers.map(({ body }) => body.id)));
  });

  it.each(['task.assigned', 'task.completed', 'task.unassigned'])('lets no agent report %s, which only the hive records', async (actionType) => {
    const { as, agent } = tenant();
    const { id: agentId } = await agent();
    const reported = await hive.post('/v1/audit/entries', { agentId, actionType, actionDetails: {}, riskLevel: 'low' }, { as });
    expect([reported.status, reported.body]).toMatchObject([422, { errors: [{ pointer: '/actionType' }] }]);
  });

  it('answers for a foreign task as for one that is not there, and asks for scopes', async () => {
    const { as, agent, task } = tenant();
    await agent();
    const work = await task();
    const other = tenant();
    for (const id of [work.id, newId()]) {
      expect((await other.assign({ id })).status).toBe(404);
      expect((await hive.get(`/v1/tasks/${id}/assignments`, { as: other.as })).status).toBe(404);
    }
    expect((await hive.post(`/v1/tasks/${work.id}/assignment`, {}, { as: { ...as, scopes: ['tasks:read'] } })).status).toBe(403);
    expect((await hive.get(`/v1/tasks/${work.id}/assignments`, { as: { ...as, scopes: ['tasks:write'] } })).status).toBe(403);
  });
});
