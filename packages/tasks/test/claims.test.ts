import { newId } from '@agent-hive/kernel';
import { principal, testEngine, type TestApp } from '@agent-hive/kernel/testing';
import type { TaskDto } from '../src/index.js';
import { aTask, anAgent, claim, complete, inSeconds, read, sweep, tasksApp, write } from './world.js';

describe('claims', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await tasksApp();
  });
  afterAll(() => hive.close());

  /** A tenant of its own with an agent. */
  async function tenant(overrides: object = {}) {
    const as = principal();
    return { as, agent: await anAgent(hive, overrides, { as }) };
  }
  const titles = (held: { task: TaskDto }[]) => held.map(({ task }) => task.title);

  it('hands a task to an agent under a lease and a token, and takes its result [S2.14, S2.45, S3.93, S3.94, S3.96-S3.102]', async () => {
    const { as, agent } = await tenant();
    const task = await aTask(hive, { description: { why: 'test' }, input: { a: 1 } }, { as });
    expect(task).toMatchObject({ status: 'ready', attempt: 0, maxAttempts: 3, queue: 'default', priority: 5, assigneeId: null, description: { why: 'test' }, completedAt: null });
    const [held] = await claim(hive, agent, {}, { as });
    expect(held).toMatchObject({ fencingToken: 1, task: { id: task.id, status: 'claimed', attempt: 1, assigneeId: agent.id, input: { a: 1 } } });
    expect(Date.parse(held!.leaseExpiresAt) - Date.now()).toBeGreaterThan(55_000);
    expect(await claim(hive, agent, {}, { as })).toEqual([]);
    expect((await write(hive, held!, 'heartbeat', { progress: 40 }, { as })).body).toMatchObject({ status: 'running', progress: 40, version: held!.task.version });
    const done = await complete(hive, held!, { result: { ok: true } }, { as });
    expect(done).toMatchObject({ status: 'completed', result: { ok: true }, progress: 100, assigneeId: agent.id, leaseExpiresAt: null });
    expect(Date.parse(done.completedAt!)).toBeGreaterThanOrEqual(Date.parse(done.createdAt));
    expect(await read(hive, task, { as })).toEqual(done);
    expect((await hive.get(`/v1/agents/${done.assigneeId}`, { as })).status).toBe(200);
  });

  it('records every transition, by whom, in order', async () => {
    const { as, agent } = await tenant();
    const task = await aTask(hive, {}, { as });
    const [held] = await claim(hive, agent, {}, { as: { ...as, actor: { type: 'agent', id: agent.id, name: 'worker' }, scopes: ['*'] } });
    await write(hive, held!, 'heartbeat', {}, { as });
    await write(hive, held!, 'heartbeat', {}, { as });
    await complete(hive, held!, {}, { as });
    const { body } = await hive.get<{ items: { action: string; actor: { type: string; id: string | null }; agentId: string | null }[] }>(`/v1/audit/entries?subjectId=${task.id}`, { as });
    expect(body.items.map((entry) => entry.action)).toEqual(['task.completed', 'task.started', 'task.claimed', 'task.created']);
    expect(body.items[2]).toMatchObject({ actor: { type: 'agent', id: agent.id }, agentId: agent.id });
  });

  it('goes by priority, then age, within a queue, in one batch and one by one', async () => {
    const { as, agent } = await tenant();
    for (const [title, priority] of [['a', 5], ['b', 9], ['c', 5], ['d', 0], ['e', 9]] as const) await aTask(hive, { title, priority }, { as });
    expect(titles(await claim(hive, agent, { limit: 3 }, { as }))).toEqual(['b', 'e', 'a']);
    expect(titles(await claim(hive, agent, {}, { as }))).toEqual(['c']);
    expect(titles(await claim(hive, agent, { limit: 100 }, { as }))).toEqual(['d']);
  });

  it('gives an agent only what it has the capabilities for, its instruction counted in', async () => {
    const { as, agent } = await tenant({ capabilities: ['sql'] });
    await aTask(hive, { title: 'both', priority: 9, requiredCapabilities: ['sql', 'review'] }, { as });
    await aTask(hive, { title: 'sql', requiredCapabilities: ['sql'] }, { as });
    await aTask(hive, { title: 'none', priority: 1 }, { as });
    expect(titles(await claim(hive, agent, { limit: 10 }, { as }))).toEqual(['sql', 'none']);
    await hive.put(`/v1/agents/${agent.id}/instructions`, { purpose: 'p' }, { as });
    await hive.put(`/v1/agents/${agent.id}/instructions/capabilities`, { items: [{ capabilityName: 'review' }] }, { as });
    expect(titles(await claim(hive, agent, { limit: 10 }, { as }))).toEqual(['both']);
    const { body } = await hive.get<{ items: TaskDto[] }>('/v1/tasks?capability=review', { as });
    expect(body.items.map((task) => task.title)).toEqual(['both']);
  });

  it('keeps a task for its assignee, and gives it nobody else', async () => {
    const { as, agent } = await tenant();
    const other = await anAgent(hive, {}, { as });
    const task = await aTask(hive, { assigneeId: other.id, priority: 9 }, { as });
    expect(await claim(hive, agent, {}, { as })).toEqual([]);
    const [held] = await claim(hive, other, {}, { as });
    expect(held!.task.id).toBe(task.id);
    expect((await write(hive, held!, 'release', {}, { as })).body).toMatchObject({ status: 'ready', assigneeId: other.id, attempt: 0 });
    const freed = await hive.patch<TaskDto>(`/v1/tasks/${task.id}`, { assigneeId: null }, { as, headers: { 'if-match': '*' } });
    expect(freed.body).toMatchObject({ assigneeId: null });
    expect(titles(await claim(hive, agent, {}, { as }))).toEqual([task.title]);
  });

  it('lets a flooded queue not starve another: turns go by weight', async () => {
    const { as, agent } = await tenant();
    await hive.put('/v1/queues/heavy', { weight: 3 }, { as });
    for (let batch = 0; batch < 3; batch++) await hive.post('/v1/tasks/batch', { tasks: Array.from({ length: 40 }, () => ({ title: 'flood', queue: 'flood', priority: 9 })) }, { as });
    for (const queue of ['heavy', 'light']) await hive.post('/v1/tasks/batch', { tasks: Array.from({ length: 30 }, () => ({ title: queue, queue, priority: 1 })) }, { as });
    const one: string[] = [];
    for (let i = 0; i < 10; i++) one.push(...titles(await claim(hive, agent, {}, { as })));
    const many = titles(await claim(hive, agent, { limit: 30 }, { as }));
    const count = (all: string[], title: string) => all.filter((each) => each === title).length;
    expect(['flood', 'heavy', 'light'].map((title) => count(one, title))).toEqual([2, 6, 2]);
    expect(['flood', 'heavy', 'light'].map((title) => count(many, title))).toEqual([6, 18, 6]);
    expect(new Set(titles(await claim(hive, agent, { queues: ['light'], limit: 5 }, { as })))).toEqual(new Set(['light']));
  });

  it('holds a queue to its number at once, and to its rate', async () => {
    const { as, agent } = await tenant();
    await hive.put('/v1/queues/narrow', { maxConcurrent: 2 }, { as });
    await hive.put('/v1/queues/slow', { rateLimit: 3 }, { as });
    for (const queue of ['narrow', 'slow']) await hive.post('/v1/tasks/batch', { tasks: Array.from({ length: 10 }, () => ({ title: queue, queue })) }, { as });
    const first = await claim(hive, agent, { limit: 20 }, { as });
    expect(titles(first).filter((title) => title === 'narrow')).toHaveLength(2);
    expect(titles(first).filter((title) => title === 'slow')).toHaveLength(3);
    expect(await claim(hive, agent, { queues: ['narrow'] }, { as })).toEqual([]);
    await complete(hive, first.find(({ task }) => task.queue === 'narrow')!, {}, { as });
    expect(await claim(hive, agent, { queues: ['narrow'], limit: 5 }, { as })).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect((await claim(hive, agent, { queues: ['slow'], limit: 5 }, { as })).length).toBeGreaterThanOrEqual(1);
    await hive.put('/v1/queues/narrow', { maxConcurrent: 0 }, { as });
    expect(await claim(hive, agent, { queues: ['narrow'] }, { as })).toEqual([]);
    const { body } = await hive.get<{ items: unknown[] }>('/v1/queues', { as });
    expect(body.items).toMatchObject([
      { name: 'narrow', weight: 1, maxConcurrent: 0, depth: { ready: 7, claimed: 2 }, oldestReadyAgeSeconds: expect.any(Number) },
      { name: 'slow', rateLimit: 3 },
    ]);
  });

  it('never lets more tasks of a concurrency key be at work than its limit, and takes the next as soon as one ends', async () => {
    const { as, agent } = await tenant();
    await hive.put('/v1/concurrency-limits/customer%2F7', { limit: 2 }, { as });
    const tasks = [];
    for (const priority of [1, 2, 3, 4]) tasks.push(await aTask(hive, { title: `p${priority}`, priority, concurrencyKey: 'customer/7' }, { as }));
    expect(tasks.map((task) => task.heldBy)).toEqual([null, null, 'concurrency_key', 'concurrency_key']);
    await aTask(hive, { title: 'free', priority: 0 }, { as });
    const held = await claim(hive, agent, { limit: 10 }, { as });
    expect(titles(held)).toEqual(['p2', 'p1', 'free']);
    await complete(hive, held[0]!, {}, { as });
    expect(titles(await claim(hive, agent, { limit: 10 }, { as }))).toEqual(['p4']);
    await write(hive, held[1]!, 'failure', { error: { message: 'no', retryable: false } }, { as });
    await hive.put('/v1/concurrency-limits/customer%2F7', { limit: 0 }, { as });
    expect(await claim(hive, agent, { limit: 10 }, { as })).toEqual([]);
    await hive.put('/v1/concurrency-limits/customer%2F7', { limit: 5 }, { as });
    expect(titles(await claim(hive, agent, { limit: 10 }, { as }))).toEqual(['p3']);
  });

  it('takes one task of a key at a time while no limit is set', async () => {
    const { as, agent } = await tenant();
    for (let i = 0; i < 3; i++) await aTask(hive, { concurrencyKey: 'k' }, { as });
    expect(await claim(hive, agent, { limit: 10 }, { as })).toHaveLength(1);
    expect((await hive.get('/v1/concurrency-limits/k', { as })).body).toEqual({ key: 'k', limit: 1 });
  });

  const onServer = testEngine() === 'server' ? it : it.skip;
  onServer('takes back tasks of one key and their parents at once (needs parallel connections, so a server)', async () => {
    const { as, agent } = await tenant();
    await hive.put('/v1/concurrency-limits/shared', { limit: 100 }, { as });
    for (let i = 0; i < 20; i++) await aTask(hive, { concurrencyKey: 'shared', parentId: (await aTask(hive, { concurrencyKey: 'shared' }, { as })).id }, { as });
    for (let round = 0; round < 3; round++) {
      const held = await claim(hive, agent, { limit: 100 }, { as });
      expect(held).toHaveLength(40);
      // A deadlock would be answered with 503.
      expect((await Promise.all(held.map((each) => write(hive, each, 'release', {}, { as })))).filter(({ status }) => status !== 200)).toEqual([]);
    }
  });

  it('leaves a task alone until its time has come', async () => {
    const { as, agent } = await tenant();
    const task = await aTask(hive, { runAt: inSeconds(30).toISOString() }, { as });
    expect(task).toMatchObject({ status: 'ready', heldBy: 'run_at' });
    await sweep(hive, new Date(), as.tenantId);
    expect(await claim(hive, agent, {}, { as })).toEqual([]);
    expect(await sweep(hive, inSeconds(31), as.tenantId)).toMatchObject({ due: 1 });
    expect(await claim(hive, agent, {}, { as })).toHaveLength(1);
  });

  describe('while it waits', () => {
    it('answers as soon as there is work, and empty-handed when its time is up', async () => {
      const { as, agent } = await tenant();
      const started = Date.now();
      const waiting = claim(hive, agent, { waitSeconds: 10 }, { as });
      await new Promise((resolve) => setTimeout(resolve, 300));
      const task = await aTask(hive, {}, { as });
      expect((await waiting)[0]!.task.id).toBe(task.id);
      expect(Date.now() - started).toBeLessThan(2500);
      expect(await claim(hive, agent, { waitSeconds: 1 }, { as })).toEqual([]);
    });

    it('is woken by a task that was created under an Idempotency-Key, after its commit', async () => {
      const { as, agent } = await tenant();
      const waiting = claim(hive, agent, { waitSeconds: 10 }, { as });
      await new Promise((resolve) => setTimeout(resolve, 300));
      await hive.post('/v1/tasks', { title: 'keyed' }, { as, headers: { 'idempotency-key': newId() } });
      expect(titles(await waiting)).toEqual(['keyed']);
    });

    it('holds no connection: many wait while others work on the one there is', async () => {
      const { as, agent } = await tenant();
      const waiting = Array.from({ length: 30 }, () => claim(hive, agent, { waitSeconds: 3 }, { as }));
      const other = await tenant();
      await aTask(hive, {}, { as: other.as });
      expect(await claim(hive, other.agent, {}, { as: other.as })).toHaveLength(1);
      expect((await Promise.all(waiting)).flat()).toEqual([]);
    });

    it('claims nothing for a client that hung up', async () => {
      const { as, agent } = await tenant();
      const abort = new AbortController();
      const headers = { authorization: `Bearer test:${Buffer.from(JSON.stringify(as)).toString('base64url')}`, 'content-type': 'application/json' };
      const waiting = fetch(`${hive.baseUrl}/v1/claims`, { method: 'POST', headers, body: JSON.stringify({ agentId: agent.id, waitSeconds: 10 }), signal: abort.signal }).catch(() => 'gone'); // that is what is asked for
      await new Promise((resolve) => setTimeout(resolve, 200));
      abort.abort();
      expect(await waiting).toBe('gone');
      await new Promise((resolve) => setTimeout(resolve, 100));
      const task = await aTask(hive, {}, { as });
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(await read(hive, task, { as })).toMatchObject({ status: 'ready' });
    });
  });

  it('gives 40 parallel claimers of several agents 100 tasks, each to one of them', async () => {
    const { as, agent } = await tenant();
    const agents = [agent, await anAgent(hive, { capabilities: ['x'] }, { as }), await anAgent(hive, {}, { as })];
    await hive.post('/v1/tasks/batch', { tasks: Array.from({ length: 100 }, () => ({ title: 't' })) }, { as });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => claim(hive, agents[i % 3]!, { limit: 3 }, { as })));
    const ids = answers.flat().map(({ task }) => task.id);
    expect(ids).toHaveLength(100);
    expect(new Set(ids).size).toBe(100);
    for (const [i, held] of answers.entries()) for (const { task } of held) expect(task.assigneeId).toBe(agents[i % 3]!.id);
  });

  it.each([
    ['an unknown agent', async () => ({ id: newId() }), 404, 'not-found'],
    ["another tenant's agent", async () => (await tenant()).agent, 404, 'not-found'],
    [
      'a shut-down agent',
      async () => {
        const agent = await anAgent(hive);
        await hive.post(`/v1/agents/${agent.id}/heartbeat`, { status: 'shutdown' });
        return agent;
      },
      409,
      'agent-shutdown',
    ],
  ])('refuses %s', async (_, agentOf, status, code) => {
    const agent = await agentOf();
    expect((await hive.post('/v1/claims', { agentId: agent.id })).body).toMatchObject({ status, code });
  });

  it('lets an agent claim and write for itself only', async () => {
    const { as, agent } = await tenant();
    const self = (id: string) => ({ as: { ...as, actor: { type: 'agent' as const, id, name: 'a' } } });
    expect((await hive.post('/v1/claims', { agentId: agent.id }, self(newId()))).body).toMatchObject({ status: 403, code: 'not-yours' });
    await aTask(hive, {}, { as });
    const [held] = await claim(hive, agent, {}, self(agent.id));
    expect((await write(hive, held!, 'completion', {}, self(newId()))).body).toMatchObject({ status: 403, code: 'not-yours' });
    expect((await write(hive, held!, 'completion', {}, self(agent.id))).status).toBe(200);
  });

  it.each([
    ['a limit over 100', { limit: 101 }],
    ['a lease of seconds too few', { leaseSeconds: 4 }],
    ['a wait too long', { waitSeconds: 21 }],
    ['no queues', { queues: [] }],
    ['an unknown field', { colour: 'red' }],
  ])('refuses %s', async (_, body) => {
    expect((await hive.post('/v1/claims', { agentId: newId(), ...body })).status).toBe(422);
  });
});
