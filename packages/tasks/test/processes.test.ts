import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { TaskDto } from '../src/index.js';
import type { ProcessRunDto } from '../src/process/process-run.dto.js';
import type { ProcessDto } from '../src/process/process.dto.js';
import { anAgent, claim, complete, tasksApp, write } from './world.js';

interface Problem {
  status: number;
  code: string;
  detail: string;
  counts?: Record<string, number>;
  errors: { pointer: string; message: string; allowed?: unknown[] }[];
}

const REVIEW = {
  steps: [
    { key: 'fetch', title: 'Fetch {{parameters.repo}}', type: 'git', input: { url: '{{parameters.repo}}', depth: '{{parameters.depth}}', tags: ['{{ parameters.labels }}', 'depth {{parameters.depth}}'] }, requiredCapabilities: ['git'] },
    { key: 'lint', title: 'Lint', dependsOn: [{ step: 'fetch' }], priority: 8, queue: 'checks', maxAttempts: 1 },
    { key: 'report', title: 'Report', description: { to: '{{parameters.owner}}' }, dependsOn: [{ step: 'lint' }, { step: 'fetch', type: 'finish_to_finish' }], onDependencyFailure: 'run', risk: 'low', actionClass: 'mail', deadlineSeconds: 3600 },
  ],
  parameters: { type: 'object', properties: { repo: { type: 'string', minLength: 3 }, depth: { type: 'integer', default: 1 }, labels: { type: 'array' }, owner: { type: 'string' } }, required: ['repo'] },
  requirements: { capabilities: ['review'] },
};

describe('processes', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await tasksApp();
  });
  afterAll(() => hive.close());

  let serial = 0;
  async function aProcess(overrides: object = {}, as = hive.me): Promise<ProcessDto> {
    const made = await hive.post<ProcessDto>('/v1/processes', { name: `process ${++serial}`, ...REVIEW, ...overrides }, { as });
    if (made.status !== 201) throw new Error(`no process: ${made.status} ${JSON.stringify(made.body)}`);
    return made.body;
  }
  const define = (overrides: object) => hive.post<Problem>('/v1/processes', { name: `process ${++serial}`, ...REVIEW, ...overrides });
  const run = ({ id }: ProcessDto, body: object = {}, as = hive.me) => hive.post<ProcessRunDto & Problem>(`/v1/processes/${id}/runs`, { parameters: { repo: 'hive.git' }, ...body }, { as });
  const readRun = async ({ id }: ProcessRunDto, as = hive.me) => (await hive.get<ProcessRunDto>(`/v1/process-runs/${id}`, { as })).body;
  const readTask = async (taskId: string, as = hive.me) => (await hive.get<TaskDto>(`/v1/tasks/${taskId}`, { as })).body;
  const step = (of: ProcessRunDto, key: string) => of.tasks.find((task) => task.step === key)!;
  const simple = (...keys: string[]) => ({ steps: keys.map((key) => ({ key, title: key })), parameters: {}, requirements: {} });

  it('are frameworks of steps with triggers and requirements, and are read back as they were defined [S2.12]', async () => {
    const made = await hive.post<ProcessDto>('/v1/processes', { name: 'review', description: 'of a repository', ...REVIEW });
    expect(made.status).toBe(201);
    expect([made.headers.get('location'), made.headers.get('etag')]).toEqual([`/v1/processes/${made.body.id}`, '"1"']);
    expect(made.body).toEqual({
      id: expect.any(String), name: 'review', description: 'of a repository', version: 1, revision: 1, createdAt: expect.any(String), updatedAt: expect.any(String),
      ...REVIEW, requirements: { capabilities: ['review'], projectId: null }, successCriteria: { policy: 'all' }, triggers: ['manual', 'schedule', 'event'],
    });
    expect((await hive.get(`/v1/processes/${made.body.id}`)).body).toEqual(made.body);
    expect((await hive.get(`/v1/processes/${made.body.id}/versions/1`)).body).toMatchObject({ processId: made.body.id, number: 1, ...REVIEW, requirements: { capabilities: ['review'] } });
    const listed = await hive.get<{ items: object[]; total: number }>('/v1/processes?name=review&total=true');
    expect(listed.body).toMatchObject({ items: [{ id: made.body.id, version: 1, stepCount: 3, triggers: ['manual', 'schedule', 'event'] }], nextCursor: null, total: 1 });
    expect((await hive.get<{ items: { action: string }[] }>(`/v1/audit/entries?subjectId=${made.body.id}`)).body.items).toMatchObject([{ action: 'process.created' }]);
  });

  it('become tasks by a run: a root with a child for each step, in one transaction [S2.18]', async () => {
    const process = await aProcess();
    const started = await run(process, { title: 'Review of today', parameters: { repo: 'hive.git', labels: ['a', 1], owner: 'x@y' } });
    expect(started.status).toBe(201);
    expect(started.headers.get('location')).toBe(`/v1/process-runs/${started.body.id}`);
    expect(started.body).toMatchObject({
      processId: process.id, processVersion: 1, state: 'running', title: 'Review of today', trigger: 'manual', scheduleId: null, progress: 0, endedAt: null,
      parameters: { repo: 'hive.git', depth: 1, labels: ['a', 1], owner: 'x@y' },
      tasks: [{ step: 'fetch', title: 'Fetch hive.git', status: 'ready' }, { step: 'lint', status: 'blocked' }, { step: 'report', status: 'blocked' }],
    });
    const [root, fetch, lint, report] = await Promise.all([started.body.rootTaskId, ...started.body.tasks.map((task) => task.taskId)].map((id) => readTask(id)));
    expect(root).toMatchObject({ title: 'Review of today', type: 'process', childPolicy: 'all', childCount: 3, status: 'waiting', processRunId: started.body.id, parentId: null });
    expect(fetch).toMatchObject({ parentId: root!.id, processRunId: started.body.id, type: 'git', requiredCapabilities: ['git', 'review'], input: { url: 'hive.git', depth: 1, tags: [['a', 1], 'depth 1'] } });
    expect(lint).toMatchObject({ priority: 8, queue: 'checks', maxAttempts: 1, requiredCapabilities: ['review'], openDependencyCount: 1 });
    expect(report).toMatchObject({ description: { to: 'x@y' }, onDependencyFailure: 'run', risk: 'low', actionClass: 'mail', openDependencyCount: 2 });
    expect(Date.parse(report!.deadlineAt!) - Date.parse(report!.createdAt)).toBeGreaterThan(3_598_000);
    const edges = await hive.get<{ items: object[] }>(`/v1/tasks/${report!.id}/dependencies`);
    expect(edges.body.items).toMatchObject([{ dependencyId: fetch!.id, type: 'finish_to_finish' }, { dependencyId: lint!.id, type: 'finish_to_start' }]);
    expect(await readRun(started.body)).toEqual(started.body);
    expect((await hive.get<{ items: object[] }>(`/v1/tasks?processRunId=${started.body.id}`)).body.items).toHaveLength(4);
    expect((await hive.get<{ items: object[] }>(`/v1/audit/entries?subjectType=process_run&subjectId=${started.body.id}`)).body.items).toMatchObject([
      { action: 'process_run.created', newState: { process: process.id, trigger: 'manual', rootTaskId: root!.id } },
    ]);
  });

  it('succeed when their steps have, in the order of the dependencies', async () => {
    const as = principal();
    const agent = await anAgent(hive, { capabilities: ['git', 'review'] }, { as });
    // The report has a risk: an agent that nobody trusts yet would not get it.
    const trusted = await hive.post(`/v1/agents/${agent.id}/trust/overrides`, { actionClass: 'mail', level: 'L2', reason: 'sends reports', expiresAt: new Date(Date.now() + 3_600_000) }, { as });
    expect(trusted.status).toBe(201);
    const started = (await run(await aProcess({}, as), {}, as)).body;
    const order: string[] = [];
    for (let [held] = await claim(hive, agent, {}, { as }); held; [held] = await claim(hive, agent, {}, { as })) {
      order.push(held.task.title);
      await complete(hive, held, {}, { as });
    }
    expect(order).toEqual(['Fetch hive.git', 'Lint', 'Report']);
    expect(await readRun(started, as)).toMatchObject({ state: 'succeeded', progress: 100, endedAt: expect.any(String), tasks: [{ status: 'completed' }, { status: 'completed' }, { status: 'completed' }] });
  });

  it.each([
    ['all', 'failed'],
    ['any', 'succeeded'],
  ])('with the success policy %s, after one step failed and one was done: %s', async (policy, state) => {
    const as = principal();
    const agent = await anAgent(hive, {}, { as });
    const started = (await run(await aProcess({ ...simple('a', 'b'), successCriteria: { policy } }, as), { parameters: {} }, as)).body;
    const [first, second] = await claim(hive, agent, { limit: 2 }, { as });
    await write(hive, first!, 'failure', { error: { message: 'no', retryable: false } }, { as });
    expect((await readRun(started, as)).state).toBe('running');
    await complete(hive, second!, {}, { as });
    expect(await readRun(started, as)).toMatchObject({ state, tasks: [{ step: 'a', status: 'failed' }, { step: 'b', status: 'completed' }] });
  });

  it('are cancelled by the tree of their root', async () => {
    const started = (await run(await aProcess())).body;
    expect((await hive.post(`/v1/tasks/${started.rootTaskId}/cancellation`, { reason: 'enough', tree: true })).body).toMatchObject({ status: 'cancelled' });
    expect(await readRun(started)).toMatchObject({ state: 'cancelled', tasks: [{ status: 'cancelled' }, { status: 'cancelled' }, { status: 'cancelled' }] });
  });

  it('run their latest version, or the one that is asked for; a version never changes', async () => {
    const process = await aProcess();
    const second = await hive.post<{ number: number }>(`/v1/processes/${process.id}/versions`, simple('only'));
    expect([second.status, second.body]).toEqual([201, expect.objectContaining({ processId: process.id, number: 2, steps: [{ key: 'only', title: 'only' }], requirements: { capabilities: [], projectId: null } })]);
    const read = await hive.get<ProcessDto>(`/v1/processes/${process.id}`);
    expect([read.body.version, read.body.steps.length, read.headers.get('etag')]).toEqual([2, 1, '"2"']);
    expect((await hive.get(`/v1/processes/${process.id}/versions/1`)).body).toMatchObject({ number: 1, steps: REVIEW.steps });
    const [latest, earlier] = [await run(process, { parameters: {} }), await run(process, { version: 1 })];
    expect([latest.body.processVersion, latest.body.tasks.length, earlier.body.processVersion, earlier.body.tasks.length]).toEqual([2, 1, 1, 3]);
    expect((await run(process, { version: 3 })).body).toMatchObject({ status: 404, noun: 'process version', id: `${process.id}/3` });
    const page = await hive.get<{ items: object[]; nextCursor: string }>(`/v1/processes/${process.id}/versions?limit=1&total=true`);
    expect(page.body).toMatchObject({ items: [{ number: 2, stepCount: 1 }], total: 2 });
    expect((await hive.get(`/v1/processes/${process.id}/versions?limit=1&cursor=${page.body.nextCursor}`)).body).toMatchObject({ items: [{ number: 1, stepCount: 3 }], nextCursor: null });
    const runs = await hive.get<{ items: { id: string }[]; nextCursor: string }>(`/v1/processes/${process.id}/runs?limit=1&total=true`);
    expect(runs.body).toMatchObject({ items: [{ id: earlier.body.id, state: 'running', processVersion: 1 }], total: 2 });
    expect((await hive.get(`/v1/processes/${process.id}/runs?limit=1&cursor=${runs.body.nextCursor}`)).body).toMatchObject({ items: [{ id: latest.body.id }], nextCursor: null });
  });

  it('get each number once from parallel writers of versions', async () => {
    const process = await aProcess();
    const made = await Promise.all(Array.from({ length: 8 }, () => hive.post<{ number: number }>(`/v1/processes/${process.id}/versions`, simple('a'))));
    expect(made.map(({ body }) => body.number).sort()).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('belong to the project that they require, unless the run names another', async () => {
    const [required, other] = await Promise.all(['a', 'b'].map(async (name) => (await hive.post<{ id: string }>('/v1/projects', { name })).body.id));
    const process = await aProcess({ requirements: { projectId: required } });
    const projects = async (body: object) => {
      const { rootTaskId, tasks } = (await run(process, body)).body;
      return [(await readTask(rootTaskId)).projectId, (await readTask(tasks[2]!.taskId)).projectId];
    };
    expect([await projects({}), await projects({ projectId: other }), await projects({ projectId: null })]).toEqual([[required, required], [other, other], [null, null]]);
    expect((await run(process, { projectId: newId() })).body).toMatchObject({ status: 404, noun: 'project' });
    expect((await define({ requirements: { projectId: newId() } })).body).toMatchObject({ status: 404, noun: 'project' });
  });

  it('hold a step back until its time', async () => {
    const started = (await run(await aProcess({ steps: [{ key: 'later', title: 'Later', runAfterSeconds: 600 }], parameters: {} }), { parameters: {} })).body;
    const task = await readTask(step(started, 'later').taskId);
    expect(task).toMatchObject({ status: 'ready', heldBy: 'run_at' });
    expect(Math.round((Date.parse(task.runAt!) - Date.parse(task.createdAt)) / 10_000)).toBe(60);
  });

  it('refuse a trigger that they do not have', async () => {
    const process = await aProcess({ triggers: ['schedule'] });
    expect((await run(process)).body).toMatchObject({ status: 409, code: 'not-a-trigger', allowed: ['schedule'] });
    expect((await hive.get<{ items: object[] }>(`/v1/processes/${process.id}/runs`)).body.items).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['one that is missing', {}, '/parameters/repo'],
    ['one of another type', { repo: 5 }, '/parameters/repo'],
    ['one that is inside another of another type', { repo: 'abc', depth: 1.5 }, '/parameters/depth'],
    ['one that the schema does not declare', { repo: 'abc', colour: 'red' }, '/parameters/colour'],
    ['one with the name of a built-in', { repo: 'abc', toString: 'x' }, '/parameters/toString'],
    ['one that makes a title too long', { repo: 'x'.repeat(200) }, '/parameters'],
    ['one that makes a title two lines', { repo: 'a\nb c' }, '/parameters'],
  ])('refuse parameters with %s, and create nothing', async (_, parameters, pointer) => {
    const as = principal();
    const process = await aProcess({}, as);
    expect((await run(process, { parameters }, as)).body).toMatchObject({ status: 422, errors: [{ pointer }] });
    expect((await hive.get<{ items: object[] }>('/v1/tasks', { as })).body.items).toEqual([]);
    expect((await hive.get<{ items: object[] }>(`/v1/processes/${process.id}/runs`, { as })).body.items).toEqual([]);
  });

  it('take parameters that the schema leaves open', async () => {
    const process = await aProcess({ ...simple('a'), parameters: { additionalProperties: { type: 'number' } } });
    expect((await run(process, { parameters: { x: 1 } })).body.parameters).toEqual({ x: 1 });
    expect((await run(process, { parameters: { x: 'one' } })).body).toMatchObject({ status: 422, errors: [{ pointer: '/parameters/x' }] });
  });

  it('have defaults, of objects inside objects too, and of nothing else', async () => {
    const at = { type: 'object', properties: { hour: { type: 'integer', default: 3 }, zone: { default: { name: 'UTC' } } } };
    const process = await aProcess({ ...simple('a'), parameters: { properties: { at: { ...at, default: {} }, other: at, list: { items: at }, toString: { default: 1 } } } });
    expect((await run(process, { parameters: { list: [{}] } })).body.parameters).toEqual({ at: { hour: 3, zone: { name: 'UTC' } }, list: [{}], toString: 1 });
    expect((await run(process, { parameters: { other: { hour: 4 } } })).body.parameters).toMatchObject({ other: { hour: 4, zone: { name: 'UTC' } } });
    expect((await run(process, { parameters: { other: 5 } })).body).toMatchObject({ status: 422, errors: [{ pointer: '/parameters/other' }] });
  });

  it('run once under one Idempotency-Key', async () => {
    const process = await aProcess();
    const headers = { 'idempotency-key': newId() };
    const again = () => hive.post<ProcessRunDto>(`/v1/processes/${process.id}/runs`, { parameters: { repo: 'abc' } }, { headers });
    const [first, second] = [await again(), await again()];
    expect([second.status, second.body.id]).toEqual([201, first.body.id]);
    expect((await hive.get<{ items: object[] }>(`/v1/processes/${process.id}/runs`)).body.items).toHaveLength(1);
  });

  it('do not let a pattern or a template keep the server from its work', async () => {
    const slow = await aProcess({ ...simple('a'), parameters: { properties: { x: { type: 'string', pattern: '^(a+)+$' } } } });
    const began = Date.now();
    expect((await run(slow, { parameters: { x: `${'a'.repeat(60)}!` } })).body).toMatchObject({ status: 422, errors: [{ pointer: '/parameters', message: expect.stringContaining('too long to check') }] });
    expect(Date.now() - began).toBeLessThan(5_000);
    expect((await run(slow, { parameters: { x: 'aaa' } })).status).toBe(201);
    const large = await aProcess({ steps: [{ key: 'a', title: 'a', input: { all: Array<string>(5_000).fill('{{parameters.x}}') } }], parameters: { properties: { x: {} } } });
    expect((await run(large, { parameters: { x: 'y'.repeat(60_000) } })).body).toMatchObject({ status: 422, errors: [{ pointer: '/parameters', message: expect.stringContaining('characters') }] });
    const wide = await aProcess({ steps: [{ key: 'a', title: 'a', input: { all: Array<string>(10).fill('{{parameters.x}}') } }], parameters: { properties: { x: {} } } });
    expect((await run(wide, { parameters: { x: 'y'.repeat(60_000) } })).body).toMatchObject({ status: 422, detail: expect.stringContaining('step a') });
  });

  it('put absent parameters in as nothing, and leave alone what is no placeholder', async () => {
    const title = 'For {{parameters.who}}: {{ user.name }}';
    const process = await aProcess({ steps: [{ key: 'a', title, description: '{{parameters.who}}', input: { who: '{{parameters.who}}', '{{parameters.who}}': ['{{who}}', { deep: '{{parameters.n}}{{parameters.n}}' }] } }], parameters: { properties: { who: {}, n: {} } } });
    const none = (await run(process, { parameters: {} })).body;
    expect(await readTask(none.tasks[0]!.taskId)).toMatchObject({ title: 'For : {{ user.name }}', description: null, input: { who: null, '{{parameters.who}}': ['{{who}}', { deep: '' }] } });
    const some = (await run(process, { parameters: { who: { name: 'Ann' }, n: 7 } })).body;
    expect(await readTask(some.tasks[0]!.taskId)).toMatchObject({ title: 'For {"name":"Ann"}: {{ user.name }}', description: { name: 'Ann' }, input: { who: { name: 'Ann' }, '{{parameters.who}}': ['{{who}}', { deep: '77' }] } });
    const listed = (await run(process, { parameters: { who: [1, '{{parameters.n}}'], n: null } })).body;
    expect(await readTask(listed.tasks[0]!.taskId)).toMatchObject({ description: '[1,"{{parameters.n}}"]', input: { who: [1, '{{parameters.n}}'] } });
  });

  const two = (a: object, b: object) => ({ steps: [{ key: 'a', title: 'A', ...a }, { key: 'b', title: 'B', ...b }], parameters: { properties: { x: {} } } });
  it.each<[string, object, string]>([
    ['no steps', { steps: [] }, '/steps'],
    ['501 steps', { steps: Array.from({ length: 501 }, (_, i) => ({ key: `s${i}`, title: 't' })) }, '/steps'],
    ['a key that is no token', two({ key: 'Not A Key' }, {}), '/steps/0/key'],
    ['a key twice', two({}, { key: 'a' }), '/steps/1/key'],
    ['an unknown step', two({ dependsOn: [{ step: 'c' }] }, {}), '/steps/0/dependsOn/0/step'],
    ['a step that depends on itself', two({ dependsOn: [{ step: 'a' }] }, {}), '/steps/0/dependsOn/0/step'],
    ['a dependency twice', two({ dependsOn: [{ step: 'b' }, { step: 'b', type: 'start_to_start' }] }, {}), '/steps/0/dependsOn/1/step'],
    ['an unknown type of dependency', two({ dependsOn: [{ step: 'b', type: 'sometimes' }] }, {}), '/steps/0/dependsOn/0/type'],
    ['a title of two lines', two({ title: 'a\nb' }, {}), '/steps/0/title'],
    ['a priority of ten', two({ priority: 10 }, {}), '/steps/0/priority'],
    ['a field of a task that a step has not', two({ assigneeId: newId() }, {}), '/steps/0/assigneeId'],
    ['a placeholder in a title for what is not declared', two({ title: '{{parameters.y}}' }, {}), '/steps/0/title'],
    ['a placeholder in an input for what is not declared', two({}, { input: { 'a/b': ['', { c: 'is {{parameters.x.y}}' }] } }), '/steps/1/input/a~1b/1/c'],
    ['a placeholder in a description for a built-in', two({ description: '{{parameters.constructor}}' }, {}), '/steps/0/description'],
    ['parameters that are no JSON Schema', { parameters: { type: 'strnig' } }, '/parameters'],
    ['parameters that are checked by and by', { parameters: { $async: true } }, '/parameters/$async'],
    ['null for parameters', { parameters: null }, '/parameters'],
    ['null for dependencies', two({ dependsOn: null }, {}), '/steps/0/dependsOn'],
    ['a dependency of null', two({ dependsOn: [null] }, {}), '/steps/0/dependsOn'],
    ['a step of null', { steps: [null] }, '/steps'],
    ['a capability twice', { requirements: { capabilities: ['a', 'a'] } }, '/requirements/capabilities'],
    ['parameters that are a list', { parameters: { type: 'array' } }, '/parameters/type'],
    ['an unknown trigger', { triggers: ['telepathy'] }, '/triggers'],
    ['no trigger', { triggers: [] }, '/triggers'],
    ['an unknown success policy', { successCriteria: { policy: 'most' } }, '/successCriteria/policy'],
    ['an unknown requirement', { requirements: { luck: true } }, '/requirements/luck'],
  ])('refuse a definition with %s', async (_, overrides, pointer) => {
    expect((await define(overrides)).body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer })]) });
  });

  it('refuse steps that wait for each other, and name the way around', async () => {
    const keys = { a: ['c'], b: ['a'], c: ['b', 'd'], d: [] };
    const steps = Object.entries(keys).map(([key, waits]) => ({ key, title: key, dependsOn: waits.map((other) => ({ step: other, type: 'start_to_start' })) }));
    expect((await define({ steps })).body).toMatchObject({ status: 422, code: 'dependency-cycle', detail: expect.stringContaining('a -> c -> b -> a'), errors: [{ pointer: '/steps/0/dependsOn' }] });
  });

  it('take names of parameters from the schemas that theirs is made up of', async () => {
    const parameters = { allOf: [{ properties: { x: { type: 'integer' } } }], if: { required: ['x'] }, then: { properties: { y: {} } } };
    const process = await aProcess({ steps: [{ key: 'a', title: '{{parameters.x}} {{parameters.y}}' }], parameters });
    expect((await run(process, { parameters: { x: 1, y: 2 } })).body.tasks).toMatchObject([{ title: '1 2' }]);
    expect((await run(process, { parameters: { x: 1, y: 2, z: 3 } })).body).toMatchObject({ status: 422, errors: [{ pointer: '/parameters/z', allowed: ['x', 'y'] }] });
  });

  it('of 500 steps in a row and across run as one', async () => {
    const steps = Array.from({ length: 500 }, (_, i) => ({ key: `s${i}`, title: `step ${i}`, dependsOn: [...new Set([i - 1, i - 50])].filter((n) => n >= 0).map((n) => ({ step: `s${n}` })) }));
    const started = await run(await aProcess({ steps: steps.reverse(), parameters: {} }), { parameters: {} });
    expect([started.status, started.body.tasks.length, started.body.tasks.filter((task) => task.status === 'ready').map((task) => task.step)]).toEqual([201, 500, ['s0']]);
    expect(started.body.tasks.map((task) => task.step)).toEqual(steps.map(({ key }) => key));
  });

  it('are renamed by If-Match, and keep their names apart', async () => {
    const process = await aProcess();
    const patch = (body: object, match?: string) => hive.patch<ProcessDto & Problem>(`/v1/processes/${process.id}`, body, { headers: match === undefined ? {} : { 'if-match': match } });
    expect((await patch({ description: 'x' })).status).toBe(428);
    expect((await patch({ description: 'x' }, '"7"')).body).toMatchObject({ status: 412, code: 'stale' });
    const renamed = await patch({ name: `other ${process.id}`, description: null }, '"1"');
    expect([renamed.status, renamed.body.name, renamed.headers.get('etag')]).toEqual([200, `other ${process.id}`, '"2"']);
    const taken = await aProcess();
    expect((await patch({ name: taken.name }, '*')).body).toMatchObject({ status: 409, code: 'conflict' });
    expect((await define({ name: taken.name })).body).toMatchObject({ status: 409, code: 'conflict' });
    expect((await patch({ steps: [] }, '*')).body).toMatchObject({ status: 422, errors: [{ pointer: '/steps' }] });
  });

  it('are deleted while nothing refers to them, with their versions', async () => {
    const process = await aProcess();
    const remove = (of: ProcessDto, match = '*') => hive.request<Problem>('DELETE', `/v1/processes/${of.id}`, { headers: { 'if-match': match } });
    await hive.post(`/v1/processes/${process.id}/versions`, simple('a'));
    expect((await remove(process, '"1"')).status).toBe(412);
    expect((await remove(process)).status).toBe(204);
    for (const path of ['', '/versions', '/versions/1', '/runs']) expect((await hive.get(`/v1/processes/${process.id}${path}`)).status).toBe(404);
    expect((await run(process)).body).toMatchObject({ status: 404, noun: 'process' });
    const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?subjectId=${process.id}&action=process.deleted`);
    expect(body.items).toMatchObject([{ previousState: { name: process.name }, details: { cascade: { 'tasks.process_version': 2 } } }]);
    const used = await aProcess();
    await run(used);
    await hive.post('/v1/schedules', { name: used.id, cron: '@daily', processId: used.id, parameters: { repo: 'abc' } });
    expect((await remove(used)).body).toMatchObject({ status: 409, code: 'in-use', counts: { 'tasks.process_run': 1, 'tasks.schedule': 1 } });
  });

  it('are nobody else\'s, and need their scopes', async () => {
    const process = await aProcess();
    const started = (await run(process)).body;
    const as = principal();
    for (const path of [`processes/${process.id}`, `processes/${process.id}/versions`, `processes/${process.id}/versions/1`, `processes/${process.id}/runs`, `process-runs/${started.id}`]) {
      expect([path, (await hive.get(`/v1/${path}`, { as })).status]).toEqual([path, 404]);
    }
    expect((await run(process, {}, as)).status).toBe(404);
    expect((await hive.post(`/v1/processes/${process.id}/versions`, simple('a'), { as })).status).toBe(404);
    const reader = principal({ tenantId: hive.me.tenantId, scopes: ['tasks:read', 'processes:read'] });
    expect((await hive.get(`/v1/processes/${process.id}`, { as: reader })).status).toBe(200);
    expect([(await run(process, {}, reader)).status, (await hive.post('/v1/processes', {}, { as: reader })).status]).toEqual([403, 403]);
  });
});
