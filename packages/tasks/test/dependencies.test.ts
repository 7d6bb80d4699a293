import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { TaskDto } from '../src/index.js';
import { aTask, anAgent, claim, complete, inSeconds, read, sweep, tasksApp, write } from './world.js';

interface Edges {
  items: { dependencyId: string; type: string; status: string; resolvedAt: string | null }[];
  dependents: { dependentId: string }[];
}

describe('dependencies', () => {
  let hive: TestApp;
  let agent: { id: string };
  beforeAll(async () => {
    hive = await tasksApp();
    agent = await anAgent(hive);
  });
  afterAll(() => hive.close());

  const batch = (tasks: object[]) => hive.post<{ items: TaskDto[]; code?: string; path?: string[]; errors?: { pointer: string }[] }>('/v1/tasks/batch', { tasks });
  const depend = (a: { id: string }, b: { id: string }, body: object = {}) => hive.put<{ code?: string; path?: string[] }>(`/v1/tasks/${a.id}/dependencies/${b.id}`, body);
  const edges = async (task: { id: string }) => (await hive.get<Edges>(`/v1/tasks/${task.id}/dependencies`)).body;
  const statusOf = async (task: { id: string }) => (await read(hive, task)).status;
  /** Claims one particular task, which is alone in its queue. */
  const hold = async (task: TaskDto) => (await claim(hive, agent, { queues: [task.queue] }))[0]!;
  const own = (overrides: object = {}) => aTask(hive, { queue: newId(), backoff: { kind: 'fixed', seconds: 0 }, ...overrides });

  it('keep a task blocked until the last of them has ended [S3.182]', async () => {
    const [a, b] = [await own(), await own()];
    const task = await own({ dependsOn: [{ taskId: a.id }, { taskId: b.id, type: 'finish_to_start' }] });
    expect(task).toMatchObject({ status: 'blocked', openDependencyCount: 2 });
    expect(await claim(hive, agent, { queues: [task.queue] })).toEqual([]);
    await complete(hive, await hold(a));
    expect(await read(hive, task)).toMatchObject({ status: 'blocked', openDependencyCount: 1 });
    await complete(hive, await hold(b));
    expect(await read(hive, task)).toMatchObject({ status: 'ready', openDependencyCount: 0 });
    expect((await edges(task)).items).toMatchObject([{ dependencyId: a.id, type: 'finish_to_start', status: 'completed', resolvedAt: expect.any(String) }, { dependencyId: b.id }]);
    expect((await edges(a)).dependents).toMatchObject([{ dependentId: task.id }]);
    const { body } = await hive.get<{ items: { action: string }[] }>(`/v1/audit/entries?subjectId=${task.id}`);
    expect(body.items.map((entry) => entry.action)).toEqual(['task.ready', 'task.created']);
  });

  it('wake who waits for the task that they free', async () => {
    const a = await own();
    const task = await own({ dependsOn: [{ taskId: a.id }] });
    const held = await hold(a);
    const waiting = claim(hive, agent, { queues: [task.queue], waitSeconds: 10 });
    await complete(hive, held);
    expect((await waiting)[0]!.task.id).toBe(task.id);
  });

  it('start to start: a task is free when the other has been claimed', async () => {
    const a = await own();
    const task = await own({ dependsOn: [{ taskId: a.id, type: 'start_to_start' }] });
    expect(await statusOf(task)).toBe('blocked');
    await hold(a);
    expect(await statusOf(task)).toBe('ready');
    expect((await own({ dependsOn: [{ taskId: a.id, type: 'start_to_start' }] })).status).toBe('ready');
  });

  it('finish to finish: a task that is done waits for the other before it ends', async () => {
    const a = await own();
    const task = await own({ dependsOn: [{ taskId: a.id, type: 'finish_to_finish' }] });
    expect(task.status).toBe('ready');
    expect(await complete(hive, await hold(task), { result: 7 })).toMatchObject({ status: 'waiting', statusReason: 'dependencies', result: 7, completedAt: null });
    const last = await own({ dependsOn: [{ taskId: task.id }] });
    await complete(hive, await hold(a));
    expect(await read(hive, task)).toMatchObject({ status: 'completed', result: 7, completedAt: expect.any(String) });
    expect(await statusOf(last)).toBe('ready');
  });

  it('start to finish: a task that is done waits until the other has been claimed, even in the same claim', async () => {
    const queue = newId();
    const made = await batch([{ title: 'a', queue }, { title: 'b', queue, dependsOn: [{ index: 0, type: 'start_to_finish' }] }]);
    const b = made.body.items[1]!;
    expect(b.openDependencyCount).toBe(1);
    const held = await claim(hive, agent, { queues: [queue], limit: 2 });
    expect(held).toHaveLength(2);
    expect(await complete(hive, held.find(({ task }) => task.id === b.id)!)).toMatchObject({ status: 'completed' });
  });

  describe('on a task that fails', () => {
    const fail = async (task: TaskDto) => write(hive, await hold(task), 'failure', { error: { message: 'x', retryable: false } });

    it('cancel what waits for it, and what waits for that', async () => {
      const a = await own();
      const b = await own({ dependsOn: [{ taskId: a.id }] });
      const c = await own({ dependsOn: [{ taskId: b.id }] });
      await fail(a);
      expect(await read(hive, b)).toMatchObject({ status: 'cancelled', statusReason: 'dependency_failed' });
      expect(await statusOf(c)).toBe('cancelled');
    });

    it('keep it blocked until that one is redriven and completes, where the task says so', async () => {
      const a = await own();
      const b = await own({ dependsOn: [{ taskId: a.id }], onDependencyFailure: 'keep' });
      await fail(a);
      expect(await statusOf(b)).toBe('blocked');
      await hive.post(`/v1/tasks/${a.id}/redrive`);
      await complete(hive, await hold(a));
      expect(await statusOf(b)).toBe('ready');
    });

    it('let it run all the same, where the task says so', async () => {
      const a = await own();
      const b = await own({ dependsOn: [{ taskId: a.id }], onDependencyFailure: 'run' });
      await fail(a);
      expect(await statusOf(b)).toBe('ready');
    });
  });

  it('on what has ended well are no wait; on what has ended otherwise they are refused', async () => {
    const [a, b] = [await own(), await own()];
    await complete(hive, await hold(a));
    await hive.post(`/v1/tasks/${b.id}/cancellation`, { reason: 'r' });
    expect((await own({ dependsOn: [{ taskId: a.id }] })).status).toBe('ready');
    expect((await hive.post('/v1/tasks', { title: 't', dependsOn: [{ taskId: b.id }] })).body).toMatchObject({ status: 409, code: 'dependency-ended' });
    expect((await own({ dependsOn: [{ taskId: b.id }], onDependencyFailure: 'run' })).status).toBe('ready');
  });

  it('may be added to a task that is not claimed, and taken away', async () => {
    const [a, b] = [await own(), await own()];
    expect((await depend(b, a)).status).toBe(200);
    expect((await depend(b, a)).status).toBe(200);
    expect(await read(hive, b)).toMatchObject({ status: 'blocked', openDependencyCount: 1 });
    expect((await depend(b, a, { type: 'start_to_start' })).body).toMatchObject({ status: 409, code: 'conflict' });
    expect((await hive.delete(`/v1/tasks/${b.id}/dependencies/${a.id}`)).status).toBe(204);
    expect(await read(hive, b)).toMatchObject({ status: 'ready', openDependencyCount: 0 });
    expect((await hive.delete(`/v1/tasks/${b.id}/dependencies/${a.id}`)).status).toBe(404);
    await hold(b);
    expect((await depend(b, a)).body).toMatchObject({ status: 409, code: 'illegal-transition', from: 'claimed', to: 'blocked' });
  });

  it('never close a cycle: the refusal names the way around', async () => {
    const a = await own();
    const b = await own({ dependsOn: [{ taskId: a.id }] });
    const c = await own({ dependsOn: [{ taskId: b.id }] });
    expect((await depend(a, c)).body).toMatchObject({ status: 409, code: 'dependency-cycle', path: [a.id, c.id, b.id, a.id] });
    expect((await depend(a, a)).body).toMatchObject({ status: 422, code: 'self-dependency' });
    const group = await own({ childPolicy: 'all' });
    const waits = await own({ dependsOn: [{ taskId: group.id }] });
    const child = await own({ parentId: group.id });
    expect((await depend(child, waits)).body).toMatchObject({ status: 409, code: 'dependency-cycle' });
    expect((await hive.post('/v1/tasks', { title: 't', parentId: group.id, dependsOn: [{ taskId: waits.id }] })).body).toMatchObject({ status: 409, code: 'dependency-cycle' });
  });

  it('never close a cycle in a batch either', async () => {
    const answer = await batch([
      { title: 'a', dependsOn: [{ index: 2 }] },
      { title: 'b', dependsOn: [{ index: 0 }] },
      { title: 'c', dependsOn: [{ index: 1 }] },
    ]);
    expect(answer.body).toMatchObject({ status: 409, code: 'dependency-cycle', path: ['/tasks/0', '/tasks/2', '/tasks/1', '/tasks/0'] });
  });

  it('come with a batch, by position, in an order that knows no before', async () => {
    const queue = newId();
    const { body } = await batch([
      { title: 'last', queue, dependsOn: [{ index: 1 }, { index: 2 }] },
      { title: 'first', queue },
      { title: 'second', queue, dependsOn: [{ index: 1 }] },
    ]);
    expect(body.items.map((task) => [task.title, task.status, task.openDependencyCount])).toEqual([['last', 'blocked', 2], ['first', 'ready', 0], ['second', 'blocked', 1]]);
    const order = [];
    for (let i = 0; i < 3; i++) {
      const [held] = await claim(hive, agent, { queues: [queue], limit: 3 });
      order.push(held!.task.title);
      await complete(hive, held!);
    }
    expect(order).toEqual(['first', 'second', 'last']);
  });

  it.each<[string, () => Promise<object>, string]>([
    ['an unknown task', async () => ({ dependsOn: [{ taskId: newId() }] }), '/tasks/1/dependsOn/0/taskId'],
    ["another tenant's task", async () => ({ dependsOn: [{ taskId: (await aTask(hive, {}, { as: principal() })).id }] }), '/tasks/1/dependsOn/0/taskId'],
    ['itself', async () => ({ dependsOn: [{ index: 1 }] }), '/tasks/1/dependsOn/0'],
    ['a position that is none', async () => ({ dependsOn: [{ index: 2 }] }), '/tasks/1/dependsOn/0/index'],
    ['one task twice', async () => ({ dependsOn: [{ index: 0 }, { index: 0, type: 'start_to_start' }] }), '/tasks/1/dependsOn/1'],
    ['neither id nor position', async () => ({ dependsOn: [{}] }), '/tasks/1/dependsOn/0'],
    ['an unknown parent', async () => ({ parentId: newId() }), '/tasks/1/parentId'],
    ['an unknown project', async () => ({ projectId: newId() }), '/tasks/1/projectId'],
    ['a title too long', async () => ({ title: 'x'.repeat(201) }), '/tasks/1/title'],
  ])('of a batch with %s are refused with a pointer, and nothing is created', async (_, bad, pointer) => {
    const queue = newId();
    const answer = await batch([{ title: 'good', queue }, { title: 'bad', queue, ...(await bad()) }]);
    expect(answer.status).toBe(422);
    expect(answer.body.errors!.map((error) => error.pointer)).toContain(pointer);
    expect((await hive.get<{ items: unknown[] }>(`/v1/tasks?queue=${queue}`)).body.items).toEqual([]);
  });

  it('of a single task on what is not there are not found', async () => {
    expect((await hive.post('/v1/tasks', { title: 't', dependsOn: [{ taskId: newId() }] })).body).toMatchObject({ status: 404, noun: 'task' });
    expect((await depend(await own(), { id: newId() })).status).toBe(404);
  });

  it('leave nobody waiting when two ends come at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      const many = await Promise.all(Array.from({ length: 8 }, () => own()));
      const task = await own({ dependsOn: many.map(({ id }) => ({ taskId: id })) });
      const held = await Promise.all(many.map(hold));
      await Promise.all(held.map((one) => complete(hive, one)));
      expect(await read(hive, task)).toMatchObject({ status: 'ready', openDependencyCount: 0 });
    }
  });

  it('of which two are added at once close no cycle', async () => {
    const [a, b] = [await own(), await own()];
    const answers = await Promise.all([depend(a, b), depend(b, a)]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
  });

  it('free a task into its key or its time, not past them', async () => {
    const key = newId();
    const [a, b] = [await own(), await own({ concurrencyKey: key })];
    const keyed = await own({ concurrencyKey: key, dependsOn: [{ taskId: a.id }] });
    const later = await own({ runAt: inSeconds(60).toISOString(), dependsOn: [{ taskId: a.id }] });
    await complete(hive, await hold(a));
    expect(await read(hive, keyed)).toMatchObject({ status: 'ready', heldBy: 'concurrency_key' });
    expect(await read(hive, later)).toMatchObject({ status: 'ready', heldBy: 'run_at' });
    await complete(hive, await hold(b));
    expect(await read(hive, keyed)).toMatchObject({ status: 'ready', heldBy: null });
    await sweep(hive, inSeconds(61));
    expect(await read(hive, later)).toMatchObject({ heldBy: null });
  });
});
