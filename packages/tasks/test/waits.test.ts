import { migrate, newId, runAs, servicePrincipal, type Principal } from '@agent-hive/kernel';
import { principal, testEngine, type TestApp } from '@agent-hive/kernel/testing';
import { AnswersService } from '@agent-hive/trust';
import type { TaskDto } from '../src/index.js';
import { anAgent, answer, asked, aTask, claim, complete, inSeconds, read, sweep, tasksApp, write, type Held } from './world.js';

describe('a task that waits for a person', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await tasksApp();
  });
  afterAll(() => hive.close());

  /** A tenant of its own with an agent, and a task that this one holds. */
  async function held(overrides: object = {}, as = principal()): Promise<{ as: Principal; agent: { id: string }; task: TaskDto; mine: Held }> {
    const agent = await anAgent(hive, {}, { as });
    const task = await aTask(hive, overrides, { as });
    const [mine] = await claim(hive, agent, {}, { as });
    return { as, agent, task, mine: mine! };
  }

  const expireInteractions = (as: Principal, now: Date): Promise<number> => runAs(hive.orm.em, servicePrincipal(as.tenantId, 'job:interactions'), () => hive.app.get(AnswersService, { strict: false }).expire(now));
  const attempts = async (task: { id: string }, as: Principal) => (await hive.get<{ items: { number: number; outcome: string | null; endedAt: string | null }[] }>(`/v1/tasks/${task.id}/attempts`, { as })).body.items;
  const recorded = async (task: { id: string }, as: Principal) => (await hive.get<{ items: { action: string; newState: object; agentId: string | null }[] }>(`/v1/audit/entries?subjectId=${task.id}`, { as })).body.items;

  it('gives up its lease, and whoever claims it after the answer reads what that was', async () => {
    const { as, agent, task, mine } = await held({ maxAttempts: 1 });
    await write(hive, mine, 'heartbeat', { progress: 40 }, { as });
    const question = await asked(hive, { subject: { type: 'task', id: task.id }, agentId: agent.id }, { as });
    const waiting = await write(hive, mine, 'wait', { interactionId: question.id }, { as });
    expect(waiting).toMatchObject({ status: 200, body: { status: 'waiting', statusReason: 'interaction', interactionId: question.id, leaseExpiresAt: null, attempt: 0, completedAt: null } });
    expect(await read(hive, task, { as })).toEqual(waiting.body);
    expect(await claim(hive, agent, {}, { as })).toEqual([]);
    expect(await attempts(task, as)).toMatchObject([{ number: 1, outcome: 'waiting', endedAt: expect.any(String) }]);
    expect((await write(hive, mine, 'completion', {}, { as })).body).toMatchObject({ status: 409, code: 'lease-lost', taskStatus: 'waiting' });
    expect((await write(hive, mine, 'heartbeat', {}, { as })).status).toBe(409);

    await answer(hive, question, { status: 'answered', response: 'left' }, { as });
    expect(await read(hive, task, { as })).toMatchObject({ status: 'ready', statusReason: null, heldBy: null, assigneeId: null, interactionId: question.id });
    const [again] = await claim(hive, await anAgent(hive, {}, { as }), {}, { as });
    expect(again).toMatchObject({ fencingToken: 2, task: { id: task.id, attempt: 1, interactionId: question.id } });
    expect((await hive.get(`/v1/interactions/${again!.task.interactionId}`, { as })).body).toMatchObject({ status: 'answered', response: 'left' });
    expect(await complete(hive, again!, {}, { as })).toMatchObject({ status: 'completed', interactionId: question.id });
    const entries = await recorded(task, as);
    expect(entries.map((entry) => entry.action)).toEqual(['task.completed', 'task.claimed', 'task.resumed', 'task.waiting', 'task.started', 'task.claimed', 'task.created']);
    expect(entries[3]).toMatchObject({ agentId: agent.id, newState: { status: 'waiting', statusReason: 'interaction', interactionId: question.id } });
  });

  it('wakes claimers after the commit of the answer', async () => {
    const { as, agent, mine } = await held();
    const question = await asked(hive, {}, { as });
    await write(hive, mine, 'wait', { interactionId: question.id }, { as });
    const claiming = claim(hive, agent, { waitSeconds: 10 }, { as });
    await new Promise((resolve) => setTimeout(resolve, 550));
    await answer(hive, question, undefined, { as, headers: { 'idempotency-key': newId() } });
    const answeredAt = Date.now();
    expect((await claiming).map(({ task }) => task.id)).toEqual([mine.task.id]);
    expect(Date.now() - answeredAt).toBeLessThan(300);
  });

  it.each<[string, (as: Principal, id: string) => Promise<unknown>, string]>([
    ['is refused', (as, id) => answer(hive, { id }, { status: 'rejected' }, { as }), 'rejected'],
    ['is taken back', (as, id) => hive.post(`/v1/interactions/${id}/cancellation`, {}, { as }), 'cancelled'],
    ['expires', (as) => expireInteractions(as, inSeconds(61)), 'expired'],
  ])('is ready again when its question %s', async (_, end, status) => {
    const { as, task, mine } = await held();
    const question = await asked(hive, { expiresInSeconds: 60 }, { as });
    await write(hive, mine, 'wait', { interactionId: question.id }, { as });
    await end(as, question.id);
    expect(await read(hive, task, { as })).toMatchObject({ status: 'ready', interactionId: question.id });
    expect((await hive.get('/v1/interactions?limit=1', { as })).body).toMatchObject({ items: [{ status }] });
  });

  it.each<[string, (as: Principal, id: string) => Promise<unknown>]>([
    ['was answered', (as, id) => answer(hive, { id }, undefined, { as })],
    ['has expired, though no sweep has said so', (_as, id) => hive.database.execute(hive.orm, `update trust.interaction set expires_at = now() - interval '1 second' where id = '${id}'`)],
  ])('does not wait for what %s before', async (_, end) => {
    const { as, agent, task, mine } = await held();
    const question = await asked(hive, { expiresInSeconds: 60 }, { as });
    await end(as, question.id);
    expect(await write(hive, mine, 'wait', { interactionId: question.id }, { as })).toMatchObject({ status: 200, body: { status: 'ready', interactionId: question.id, attempt: 0 } });
    await expireInteractions(as, inSeconds(1));
    expect((await recorded(task, as)).map((entry) => entry.action)).toEqual(['task.resumed', 'task.claimed', 'task.created']);
    expect(await claim(hive, agent, {}, { as })).toHaveLength(1);
  });

  it('waits as often as it must, with none of it counted as an attempt', async () => {
    const { as, agent, task, mine } = await held({ maxAttempts: 1 });
    let at = mine;
    for (let i = 0; i < 3; i++) {
      const question = await asked(hive, {}, { as });
      await write(hive, at, 'wait', { interactionId: question.id }, { as });
      await answer(hive, question, undefined, { as });
      at = (await claim(hive, agent, {}, { as }))[0]!;
    }
    expect((await attempts(task, as)).map(({ outcome }) => outcome)).toEqual([null, 'waiting', 'waiting', 'waiting']);
    expect((await write(hive, at, 'failure', { error: { message: 'no' } }, { as })).body).toMatchObject({ status: 'dead', attempt: 1 });
  });

  it('is one of many that one answer lets go on, its key obeyed', async () => {
    const as = principal();
    const agent = await anAgent(hive, {}, { as });
    const question = await asked(hive, {}, { as });
    for (const key of ['k', 'k', null, null]) await aTask(hive, { concurrencyKey: key, title: key ?? 'free' }, { as });
    // The place of a task that waits goes to the next of its key.
    for (let i = 0; i < 4; i++) await write(hive, (await claim(hive, agent, {}, { as }))[0]!, 'wait', { interactionId: question.id }, { as });
    expect(await claim(hive, agent, {}, { as })).toEqual([]);
    await answer(hive, question, undefined, { as });
    expect((await claim(hive, agent, { limit: 10 }, { as })).map(({ task }) => task.title)).toEqual(['k', 'free', 'free']);
    const { body } = await hive.get<{ items: TaskDto[] }>('/v1/tasks?status=ready', { as });
    expect(body.items).toMatchObject([{ title: 'k', heldBy: 'concurrency_key' }]);
  });

  it('dies at its deadline, and no answer brings it back', async () => {
    const { as, task, mine } = await held({ deadlineAt: inSeconds(60).toISOString() });
    const question = await asked(hive, {}, { as });
    await write(hive, mine, 'wait', { interactionId: question.id }, { as });
    expect(await sweep(hive, inSeconds(30), as.tenantId)).toMatchObject({ expired: 0, overdue: 0 });
    expect(await sweep(hive, inSeconds(61), as.tenantId)).toMatchObject({ overdue: 1 });
    await answer(hive, question, undefined, { as });
    expect(await read(hive, task, { as })).toMatchObject({ status: 'dead', statusReason: 'deadline_exceeded' });
    expect(await attempts(task, as)).toMatchObject([{ outcome: 'waiting' }]);
  });

  it('is an open child of its group, and ends with the tree that is cancelled', async () => {
    const as = principal();
    const agent = await anAgent(hive, {}, { as });
    const group = await aTask(hive, { childPolicy: 'all' }, { as });
    const children = [await aTask(hive, { parentId: group.id }, { as }), await aTask(hive, { parentId: group.id }, { as })];
    const [first, second] = await claim(hive, agent, { limit: 2 }, { as });
    const question = await asked(hive, {}, { as });
    await write(hive, first!, 'wait', { interactionId: question.id }, { as });
    await complete(hive, second!, {}, { as });
    expect(await read(hive, group, { as })).toMatchObject({ status: 'waiting', statusReason: 'children', progress: 50 });
    await hive.post(`/v1/tasks/${group.id}/cancellation`, { reason: 'no need', tree: true }, { as });
    await answer(hive, question, undefined, { as });
    expect((await read(hive, children[0]!, { as })).status).toBe('cancelled');
    expect((await read(hive, group, { as })).status).toBe('cancelled');
  });

  it('lets its group end once it went on and completed', async () => {
    const as = principal();
    const agent = await anAgent(hive, {}, { as });
    const group = await aTask(hive, { childPolicy: 'all' }, { as });
    await aTask(hive, { parentId: group.id }, { as });
    const question = await asked(hive, {}, { as });
    await write(hive, (await claim(hive, agent, {}, { as }))[0]!, 'wait', { interactionId: question.id }, { as });
    await answer(hive, question, undefined, { as });
    await complete(hive, (await claim(hive, agent, {}, { as }))[0]!, {}, { as });
    expect(await read(hive, group, { as })).toMatchObject({ status: 'completed', progress: 100 });
  });

  it('is not begun with a token that is stale, by another agent, or for what is not there', async () => {
    const { as, agent, task, mine } = await held();
    const question = await asked(hive, {}, { as });
    const foreign = await asked(hive, {}, { as: principal() });
    const before = await read(hive, task, { as });
    const wait = (body: object, by: Principal = as) => write(hive, mine, 'wait', { interactionId: question.id, ...body }, { as: by });
    for (const fencingToken of [2, 99]) expect((await wait({ fencingToken })).body).toMatchObject({ status: 409, code: 'lease-lost' });
    for (const interactionId of [newId(), foreign.id]) expect((await wait({ interactionId })).body).toMatchObject({ status: 404, code: 'not-found', noun: 'interaction' });
    const other = { ...as, actor: { type: 'agent' as const, id: (await anAgent(hive, {}, { as })).id, name: 'other' } };
    expect((await wait({}, other)).body).toMatchObject({ status: 403, code: 'not-yours' });
    const stranger = principal();
    const theirs = await asked(hive, {}, { as: stranger });
    expect((await wait({ interactionId: theirs.id }, stranger)).body).toMatchObject({ status: 404, noun: 'task' });
    for (const body of [{ interactionId: 'x' }, { interactionId: null }, { fencingToken: 0 }, { reason: 'x' }]) expect((await wait(body)).status).toBe(422);
    expect(await read(hive, task, { as })).toEqual(before);
    await sweep(hive, inSeconds(61), as.tenantId);
    expect((await wait({})).body).toMatchObject({ status: 409, code: 'lease-lost', taskStatus: 'ready' });
    expect(await read(hive, task, { as })).toMatchObject({ status: 'ready', interactionId: null });
    expect((await claim(hive, agent, {}, { as }))[0]!.task.id).toBe(task.id);
  });

  const onServer = testEngine() === 'server' ? it : it.skip;
  onServer('misses no answer, whichever comes first (needs parallel connections, so a server)', async () => {
    const as = principal();
    const agent = await anAgent(hive, {}, { as });
    const rounds = 120;
    await hive.post('/v1/tasks/batch', { tasks: Array.from({ length: rounds }, () => ({ title: 'raced' })) }, { as });
    const claimed = [...(await claim(hive, agent, { limit: 100, leaseSeconds: 600 }, { as })), ...(await claim(hive, agent, { limit: rounds - 100, leaseSeconds: 600 }, { as }))];
    let waited = 0;
    const race = async (mine: Held, i: number): Promise<void> => {
      const question = await asked(hive, {}, { as });
      const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
      const [waiting] = await Promise.all([
        delay(i % 3).then(() => write(hive, mine, 'wait', { interactionId: question.id }, { as })),
        delay((i >> 2) % 3).then(() => answer(hive, question, undefined, { as })),
      ]);
      expect(waiting.status).toBe(200);
      if (waiting.body.status === 'waiting') waited++;
    };
    for (let i = 0; i < rounds; i += 4) await Promise.all(claimed.slice(i, i + 4).map((mine, n) => race(mine, i + n)));
    const { body } = await hive.get<{ items: unknown[]; total: number }>('/v1/tasks?status=ready&total=true', { as });
    expect(body.total).toBe(rounds);
    // Both orders came to pass, else nothing was raced.
    expect(waited).toBeGreaterThan(0);
    expect(waited).toBeLessThan(rounds);
  });

  onServer("is in no one's way: waits, answers, cancellations and sweeps of the same groups and keys at once (needs parallel connections, so a server)", async () => {
    const as = principal();
    const agent = await anAgent(hive, {}, { as });
    const groups = await Promise.all(Array.from({ length: 6 }, () => aTask(hive, { childPolicy: 'all' }, { as })));
    const tasks = groups.flatMap((group) => Array.from({ length: 8 }, (_, i) => ({ title: 't', parentId: group.id, ...(i % 2 === 0 && { concurrencyKey: `k${i}` }) })));
    for (const key of ['k0', 'k2', 'k4', 'k6']) await hive.put(`/v1/concurrency-limits/${key}`, { limit: 10 }, { as });
    await hive.post('/v1/tasks/batch', { tasks }, { as });
    const mine = await claim(hive, agent, { limit: 100, leaseSeconds: 600 }, { as });
    expect(mine).toHaveLength(48);
    const questions = await Promise.all(Array.from({ length: 12 }, (_, i) => asked(hive, { ...(i % 3 === 0 && { expiresInSeconds: 60 }) }, { as })));
    const statusOf = async (answered: Promise<{ status: number }>): Promise<number> => (await answered).status;
    const statuses = await Promise.all([
      ...mine.map((each, i) => statusOf(write(hive, each, 'wait', { interactionId: questions[i % 12]!.id }, { as }))),
      ...questions.filter((_, i) => i % 3 !== 0).map(({ id }) => statusOf(hive.post(`/v1/interactions/${id}/response`, { status: 'answered', response: 'so' }, { as }))),
      ...groups.slice(0, 3).map((group) => statusOf(hive.post(`/v1/tasks/${group.id}/cancellation`, { reason: 'no need', tree: true }, { as }))),
      ...Array.from({ length: 4 }, () => expireInteractions(as, inSeconds(61)).then(() => 200)),
    ]);
    // A deadlock would be answered with 503.
    expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([]);
    await expireInteractions(as, inSeconds(61));
    const { body } = await hive.get<{ items: TaskDto[] }>('/v1/tasks?status=waiting&limit=100', { as });
    expect(body.items.filter((task) => task.statusReason === 'interaction')).toEqual([]);
  });

  it('is given back when its migration is taken back, and nothing of it is lost', async () => {
    const { as, task, mine } = await held({ concurrencyKey: 'k' });
    const question = await asked(hive, {}, { as });
    await write(hive, mine, 'wait', { interactionId: question.id }, { as });
    await migrate(hive.database, hive.domains, { direction: 'down', domain: 'tasks', to: 'Migration20261124180000_requiring' });
    const rows = await hive.database.execute(hive.orm, `select t.status, t.held_by, a.outcome from tasks.task t join tasks.attempt a on a.task_id = t.id where t.id = '${task.id}'`);
    expect(rows).toEqual([{ status: 'ready', held_by: 'concurrency_key', outcome: 'released' }]);
    await migrate(hive.database, hive.domains);
    expect(await read(hive, task, { as })).toMatchObject({ status: 'ready', interactionId: null });
  });
});
