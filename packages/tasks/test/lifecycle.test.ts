import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { TaskDto } from '../src/index.js';
import { TASK_STATUSES, TASK_TRANSITIONS } from '../src/task/lifecycle.js';
import { aTask, anAgent, claim, complete, inSeconds, read, sweep, tasksApp, write } from './world.js';

interface AttemptBody {
  number: number;
  redrive: number;
  agentId: string;
  fencingToken: number;
  outcome: string | null;
  error: { message: string } | null;
  durationMs: number | null;
  progress: number | null;
  usage: object;
}

describe('the life of a task', () => {
  let hive: TestApp;
  let agent: { id: string };
  beforeAll(async () => {
    hive = await tasksApp();
    agent = await anAgent(hive);
  });
  afterAll(() => hive.close());

  const attempts = async (task: { id: string }) => (await hive.get<{ items: AttemptBody[] }>(`/v1/tasks/${task.id}/attempts`)).body.items;
  const redrive = (task: { id: string }) => hive.post<TaskDto & { code: string }>(`/v1/tasks/${task.id}/redrive`);
  const cancel = (task: { id: string }, body: object = {}) => hive.post<TaskDto & { code: string }>(`/v1/tasks/${task.id}/cancellation`, { reason: 'not needed', ...body });
  const noPause = { kind: 'fixed', seconds: 0 } as const;
  /** A task that is held by the agent; its queue is its own. */
  async function heldTask(overrides: object = {}, leaseSeconds = 60) {
    const queue = newId();
    const task = await aTask(hive, { queue, backoff: noPause, ...overrides });
    const [held] = await claim(hive, agent, { queues: [queue], leaseSeconds });
    return { task, held: held!, again: () => claim(hive, agent, { queues: [queue] }).then(([next]) => next) };
  }

  it('ends nowhere but where the table says, and every status is in it', () => {
    expect(Object.keys(TASK_TRANSITIONS)).toEqual([...TASK_STATUSES]);
    for (const ended of ['completed', 'cancelled'] as const) expect(TASK_TRANSITIONS[ended]).toEqual([]);
  });

  describe('failing', () => {
    it('is tried again while it has attempts left, then it is dead, with its history [S1.3]', async () => {
      const { task, held, again } = await heldTask({ maxAttempts: 2 });
      const usage = { costUsd: 0.25, inputTokens: 1200, outputTokens: 34 };
      expect((await write(hive, held, 'failure', { error: { message: 'first', code: 'E1' }, usage })).body).toMatchObject({ status: 'ready', attempt: 1, error: { message: 'first', code: 'E1' }, assigneeId: null });
      const second = (await again())!;
      expect(second).toMatchObject({ fencingToken: 2, task: { attempt: 2 } });
      await write(hive, second, 'heartbeat', { progress: 70 });
      expect((await write(hive, second, 'failure', { error: { message: 'second' } })).body).toMatchObject({ status: 'dead', statusReason: 'attempts_exhausted' });
      expect(await attempts(task)).toMatchObject([
        { number: 2, fencingToken: 2, outcome: 'failed', error: { message: 'second' }, progress: 70, durationMs: expect.any(Number) },
        { number: 1, fencingToken: 1, outcome: 'failed', error: { message: 'first', code: 'E1' }, agentId: agent.id, usage },
      ]);
    });

    it('waits between attempts: exponentially, with jitter, up to its maximum', async () => {
      const { held } = await heldTask({ backoff: { kind: 'exponential', seconds: 100, maxSeconds: 150 } });
      const failed = (await write(hive, held, 'failure', { error: { message: 'x' } })).body;
      expect(failed).toMatchObject({ status: 'ready', heldBy: 'run_at' });
      const pause = (Date.parse(failed.runAt!) - Date.now()) / 1000;
      expect(pause).toBeGreaterThan(70);
      expect(pause).toBeLessThanOrEqual(100);
    });

    it('ends as failed at the word of the worker, whatever attempts are left', async () => {
      const { held } = await heldTask();
      expect((await write(hive, held, 'failure', { error: { message: 'never', retryable: false } })).body).toMatchObject({ status: 'failed', statusReason: 'not_retryable', error: { message: 'never' } });
    });
  });

  it('comes back from the dead with all of its attempts, a new token and its lineage', async () => {
    const { task, held, again } = await heldTask({ maxAttempts: 1 });
    await write(hive, held, 'failure', { error: { message: 'x' } });
    expect((await redrive(task)).body).toMatchObject({ status: 'ready', attempt: 0, redriveCount: 1, completedAt: null, error: null });
    const next = (await again())!;
    expect(next).toMatchObject({ fencingToken: 2, task: { attempt: 1 } });
    await complete(hive, next);
    expect(await attempts(task)).toMatchObject([{ redrive: 1, outcome: 'completed' }, { redrive: 0, outcome: 'failed' }]);
  });

  it('comes back without a deadline that is over', async () => {
    const { task } = await heldTask({ deadlineAt: inSeconds(60) });
    await sweep(hive, inSeconds(61));
    expect(await read(hive, task)).toMatchObject({ status: 'dead', statusReason: 'deadline_exceeded' });
    expect((await redrive(task)).body).toMatchObject({ status: 'ready', deadlineAt: expect.any(String) }); // still ahead
    await hive.database.execute(hive.orm, `update tasks.task set deadline_at = now() - interval '1 second', status = 'dead' where id = '${task.id}'`);
    expect((await redrive(task)).body).toMatchObject({ status: 'ready', deadlineAt: null });
    await sweep(hive, new Date());
    expect(await read(hive, task)).toMatchObject({ status: 'ready' });
  });

  describe('a lease', () => {
    it('that runs out is rescued, and the late worker changes nothing', async () => {
      const { task, held, again } = await heldTask({}, 5);
      expect(await sweep(hive, inSeconds(4))).toMatchObject({ expired: 0 });
      expect((await sweep(hive, inSeconds(6))).expired).toBe(1);
      expect(await read(hive, task)).toMatchObject({ status: 'ready', statusReason: 'lease_expired', assigneeId: null, attempt: 1 });
      const next = (await again())!;
      const before = await read(hive, task);
      for (const verb of ['heartbeat', 'completion', 'release'] as const) expect((await write(hive, held, verb)).body).toMatchObject({ status: 409, code: 'lease-lost' });
      expect((await write(hive, held, 'failure', { error: { message: 'late' } })).body).toMatchObject({ status: 409, code: 'lease-lost' });
      expect(await read(hive, task)).toEqual(before);
      await complete(hive, next);
      expect((await attempts(task)).map((attempt) => attempt.outcome)).toEqual(['completed', 'expired']);
    });

    it('that ran out is lost before anybody sweeps', async () => {
      const { task, held } = await heldTask();
      await hive.database.execute(hive.orm, `update tasks.task set lease_expires_at = now() - interval '1 second' where id = '${task.id}'`);
      expect((await write(hive, held, 'completion', { result: 1 })).body).toMatchObject({ status: 409, code: 'lease-lost' });
      expect(await read(hive, task)).toMatchObject({ status: 'claimed', result: null });
    });

    it('lost once too often leaves the task dead, so that what kills its workers does not go on for ever', async () => {
      const { task } = await heldTask({ maxAttempts: 1 });
      await sweep(hive, inSeconds(61));
      expect(await read(hive, task)).toMatchObject({ status: 'dead', statusReason: 'lease_expired' });
    });

    it('goes on with each sign of life, by default as long as it was given', async () => {
      const { task, held } = await heldTask({}, 300);
      await write(hive, held, 'heartbeat');
      expect(Date.parse((await read(hive, task)).leaseExpiresAt!) - Date.now()).toBeGreaterThan(290_000);
      const { body } = await write(hive, held, 'heartbeat', { leaseSeconds: 10 });
      expect(Date.parse(body.leaseExpiresAt!) - Date.now()).toBeLessThan(11_000);
    });
  });

  it('is given back without losing an attempt', async () => {
    const { task, held, again } = await heldTask({ maxAttempts: 1 });
    expect((await write(hive, held, 'release')).body).toMatchObject({ status: 'ready', attempt: 0, assigneeId: null });
    await complete(hive, (await again())!);
    expect((await attempts(task)).map((attempt) => [attempt.outcome, attempt.fencingToken])).toEqual([['completed', 2], ['released', 1]]);
  });

  it.each(['ready', 'claimed', 'blocked'])('is given up at its deadline when it is %s', async (status) => {
    const queue = newId();
    const deadlineAt = inSeconds(100).toISOString();
    const task = await aTask(hive, { queue, deadlineAt, ...(status === 'blocked' && { dependsOn: [{ taskId: (await aTask(hive, { queue: 'elsewhere' })).id }] }) });
    const [held] = status === 'claimed' ? await claim(hive, agent, { queues: [queue], leaseSeconds: 600 }) : [];
    expect((await read(hive, task)).status).toBe(status);
    await sweep(hive, inSeconds(101));
    expect(await read(hive, task)).toMatchObject({ status: 'dead', statusReason: 'deadline_exceeded', leaseExpiresAt: null });
    if (held) expect((await write(hive, held, 'completion')).body).toMatchObject({ code: 'lease-lost' });
  });

  describe('cancelling', () => {
    it('ends it, and takes the lease from who holds it', async () => {
      const { task, held } = await heldTask();
      expect((await cancel(task)).body).toMatchObject({ status: 'cancelled', statusReason: 'not needed' });
      expect((await write(hive, held, 'completion')).body).toMatchObject({ status: 409, code: 'lease-lost' });
      expect(await attempts(task)).toMatchObject([{ outcome: 'cancelled' }]);
    });

    it('is refused for one that has ended, naming from, to and what is allowed', async () => {
      const { task, held } = await heldTask();
      await complete(hive, held);
      expect((await cancel(task)).body).toMatchObject({ status: 409, code: 'illegal-transition', from: 'completed', to: 'cancelled', allowed: [] });
      expect((await redrive(task)).body).toMatchObject({ status: 409, code: 'illegal-transition', from: 'completed', to: 'ready' });
      expect((await write(hive, held, 'completion')).body).toMatchObject({ status: 409, code: 'lease-lost' });
    });
  });

  describe('in a tree', () => {
    /** A root with two children, of which the first has one. */
    async function tree(childPolicy: string) {
      const queue = newId();
      const root = await aTask(hive, { queue, title: 'root', childPolicy });
      const [a, b] = [await aTask(hive, { queue, title: 'a', parentId: root.id, backoff: noPause }), await aTask(hive, { queue, title: 'b', parentId: root.id, backoff: noPause })];
      return { queue, root, a, b, next: async () => (await claim(hive, agent, { queues: [queue] }))[0]! };
    }

    it('is read with all that is below it, parents first [S2.9, S2.15]', async () => {
      const { root, a, b } = await tree('ignore');
      const c = await aTask(hive, { title: 'c', parentId: a.id });
      const { body } = await hive.get<{ items: { id: string; depth: number; parentId: string | null }[]; isTruncated: boolean }>(`/v1/tasks/${root.id}/tree`);
      expect(body.items.map(({ id, depth, parentId }) => [id, depth, parentId])).toEqual([[root.id, 0, null], [a.id, 1, root.id], [b.id, 1, root.id], [c.id, 2, a.id]]);
      expect(body.isTruncated).toBe(false);
      expect((await hive.get<{ items: TaskDto[] }>(`/v1/tasks?parentId=${root.id}`)).body.items.map((task) => task.id)).toEqual([b.id, a.id]);
    });

    it('completes with all of its children, counting them on the way', async () => {
      const { root, next } = await tree('all');
      expect(root).toMatchObject({ status: 'waiting', statusReason: 'children' });
      await complete(hive, await next());
      expect(await read(hive, root)).toMatchObject({ status: 'waiting', progress: 50, childCount: 2 });
      await complete(hive, await next());
      expect(await read(hive, root)).toMatchObject({ status: 'completed', progress: 100 });
    });

    it('fails when one of all has failed and the others have ended, and waits again when that one is redriven', async () => {
      const { root, a, next } = await tree('all');
      await write(hive, await next(), 'failure', { error: { message: 'x', retryable: false } });
      expect(await read(hive, root)).toMatchObject({ status: 'waiting' });
      await complete(hive, await next());
      expect(await read(hive, root)).toMatchObject({ status: 'failed', statusReason: 'children_failed' });
      await redrive(a);
      expect(await read(hive, root)).toMatchObject({ status: 'waiting' });
      await complete(hive, await next());
      expect(await read(hive, root)).toMatchObject({ status: 'completed' });
    });

    it('completes with the first of any, and cancels the others', async () => {
      const { root, b, next } = await tree('any');
      await complete(hive, await next());
      expect(await read(hive, root)).toMatchObject({ status: 'completed' });
      expect(await read(hive, b)).toMatchObject({ status: 'cancelled', statusReason: 'another_child_completed' });
    });

    it('is no concern of its children when they are ignored', async () => {
      const { root, queue } = await tree('ignore');
      const held = await claim(hive, agent, { queues: [queue], limit: 5 });
      expect(held.map(({ task }) => task.id)).toContain(root.id);
    });

    it('is cancelled with all below it, or alone', async () => {
      const { root, a, b } = await tree('all');
      const c = await aTask(hive, { parentId: a.id });
      await cancel(root, { tree: true });
      for (const task of [root, a, b, c]) expect((await read(hive, task)).status).toBe('cancelled');
      const other = await tree('all');
      await cancel(other.root);
      expect((await read(hive, other.a)).status).toBe('ready');
    });

    it('takes no child when it has ended or is not there', async () => {
      const { root } = await tree('all');
      await cancel(root);
      expect((await hive.post('/v1/tasks', { title: 'late', parentId: root.id })).body).toMatchObject({ status: 409, code: 'parent-ended' });
      expect((await hive.post('/v1/tasks', { title: 'lost', parentId: newId() })).body).toMatchObject({ status: 404 });
    });

    it('ends once when its last children end at the same moment', async () => {
      const { root, queue } = await tree('all');
      const held = await claim(hive, agent, { queues: [queue], limit: 2 });
      await Promise.all(held.map((one) => complete(hive, one)));
      expect(await read(hive, root)).toMatchObject({ status: 'completed' });
      const { body } = await hive.get<{ items: unknown[] }>(`/v1/audit/entries?subjectId=${root.id}&action=task.completed`);
      expect(body.items).toHaveLength(1);
    });
  });

  it('is changed under its version, while it has not ended', async () => {
    const task = await aTask(hive, { queue: newId() });
    const patch = (body: object, version = '"1"') => hive.patch<TaskDto & { code: string }>(`/v1/tasks/${task.id}`, body, { headers: { 'if-match': version } });
    expect((await patch({ title: 'other', priority: 9, description: { a: 1 }, taskMetadata: { b: 2 } })).body).toMatchObject({ title: 'other', priority: 9, description: { a: 1 }, taskMetadata: { b: 2 }, version: 2 });
    expect((await patch({ title: 'late' })).status).toBe(412);
    expect((await hive.patch(`/v1/tasks/${task.id}`, { title: 'x' })).status).toBe(428);
    expect((await patch({ assigneeId: newId() }, '*')).status).toBe(404);
    await cancel(task);
    expect((await patch({ title: 'x' }, '*')).body).toMatchObject({ status: 409, code: 'task-ended' });
  });

  it('completes several at once, each by itself', async () => {
    const [one, two] = [await heldTask(), await heldTask()];
    const items = [
      { taskId: one.task.id, fencingToken: 1, result: [1, 2] },
      { taskId: two.task.id, fencingToken: 7 },
      { taskId: newId(), fencingToken: 1 },
    ];
    const answer = await hive.post<{ items: { outcome: string; task: TaskDto | null }[] }>('/v1/completions', { items });
    expect(answer.status).toBe(200);
    expect(answer.body.items.map((item) => item.outcome)).toEqual(['completed', 'lease-lost', 'not-found']);
    expect(answer.body.items[0]!.task).toMatchObject({ status: 'completed', result: [1, 2] });
  });

  it('refuses a result over 256 KiB, and takes any JSON below that', async () => {
    const { held } = await heldTask();
    expect((await write(hive, held, 'completion', { result: 'x'.repeat(262_143) })).status).toBe(422);
    expect((await complete(hive, held, { result: 'x'.repeat(262_142) })).status).toBe('completed');
    for (const result of [0, false, [], {}, 'text']) expect((await complete(hive, (await heldTask()).held, { result })).result).toEqual(result);
    expect((await complete(hive, (await heldTask()).held, { result: null })).result).toBeNull();
  });

  it.each([
    ['no title', { title: undefined }],
    ['a title of two lines', { title: 'a\nb' }],
    ['a priority over 9', { priority: 10 }],
    ['an unknown risk', { risk: 'huge' }],
    ['an input that is a list', { input: [] }],
    ['a description that is a number', { description: 5 }],
    ['a moment that is none', { runAt: 'tomorrow' }],
    ['a moment without its time zone', { runAt: '2100-01-01T00:00:00' }],
    ['a day for a moment', { deadlineAt: '2100-01-01' }],
    ['a deadline on a day that does not exist', { deadlineAt: '2100-02-30T00:00:00Z' }],
    ['no attempts', { maxAttempts: 0 }],
    ['an unknown backoff', { backoff: { kind: 'linear', seconds: 1 } }],
    ['an unknown field', { colour: 'red' }],
  ])('is refused with %s', async (_, body) => {
    expect((await hive.post('/v1/tasks', { title: 't', ...body })).status).toBe(422);
  });

  it('refuses what it refers to and is not there, and an external id that is taken', async () => {
    expect((await hive.post('/v1/tasks', { title: 't', projectId: newId() })).body).toMatchObject({ status: 404, noun: 'project' });
    expect((await hive.post('/v1/tasks', { title: 't', assigneeId: newId() })).body).toMatchObject({ status: 404, noun: 'agent' });
    const other = await anAgent(hive, {}, { as: principal() });
    expect((await hive.post('/v1/tasks', { title: 't', assigneeId: other.id })).body).toMatchObject({ status: 404, noun: 'agent', id: other.id });
    const task = await aTask(hive, { externalId: 'once' });
    expect((await hive.post('/v1/tasks', { title: 't', externalId: 'once' })).body).toMatchObject({ status: 409, code: 'conflict' });
    expect((await hive.get<{ items: TaskDto[] }>('/v1/tasks?externalId=once')).body.items.map(({ id }) => id)).toEqual([task.id]);
  });

  it('belongs to a project, which cannot go while it has tasks; nor can an agent with attempts [S3.95, S3.147, S3.148]', async () => {
    const project = (await hive.post<{ id: string }>('/v1/projects', { name: 'p' })).body;
    const task = await aTask(hive, { projectId: project.id, queue: newId() });
    expect((await hive.get<{ items: TaskDto[] }>(`/v1/tasks?projectId=${project.id}`)).body.items.map(({ id }) => id)).toEqual([task.id]);
    expect((await hive.delete(`/v1/projects/${project.id}`, { headers: { 'if-match': '*' } })).status).toBe(409);
    const other = await anAgent(hive);
    await complete(hive, (await claim(hive, other, { queues: [task.queue] }))[0]!);
    expect((await hive.delete(`/v1/agents/${other.id}`, { headers: { 'if-match': '*' } })).body).toMatchObject({ status: 409, code: 'has-history', counts: { 'tasks.attempt': 1, 'tasks.task': 1 } });
    expect((await hive.get<{ items: TaskDto[] }>(`/v1/tasks?assigneeId=${other.id}`)).body.items).toHaveLength(1);
  });

  it('is listed newest first, in pages, by queue and status', async () => {
    const queue = newId();
    const tasks = [];
    for (let i = 0; i < 5; i++) tasks.push(await aTask(hive, { queue }));
    await claim(hive, agent, { queues: [queue], limit: 2 });
    const page = async (query: string) => (await hive.get<{ items: TaskDto[]; nextCursor: string | null; total?: number }>(`/v1/tasks?queue=${queue}${query}`)).body;
    const first = await page('&limit=3&total=true');
    expect(first.total).toBe(5);
    const rest = await page(`&limit=3&cursor=${first.nextCursor}`);
    expect([...first.items, ...rest.items].map(({ id }) => id)).toEqual(tasks.map(({ id }) => id).reverse());
    expect(rest.nextCursor).toBeNull();
    expect((await page('&status=claimed')).items.map(({ id }) => id)).toEqual([tasks[1]!.id, tasks[0]!.id]);
  });
});
