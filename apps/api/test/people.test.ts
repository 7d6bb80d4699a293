import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase, testEngine } from '@agent-hive/kernel/testing';
import { domains } from '../src/domains.js';
import { startHive, type RunningHive } from '../src/server/start.js';
import { ADMIN_KEY } from './world.js';

type Body = Record<string, unknown> & { id: string; status: string; items: (Body & { task: Body; fencingToken: number })[] };

/** A database that several servers come and go over. */
async function aPlace(): Promise<{ start(): Promise<RunningHive>; close(): Promise<void> }> {
  const io = { out: () => undefined, err: () => undefined };
  const common = { PORT: '0', LOG_LEVEL: 'silent', HIVE_ADMIN_KEY: ADMIN_KEY };
  if (testEngine() === 'server') {
    const db = await testDatabase(domains);
    const where = { DATABASE_URL: db.url!, HIVE_ALLOW_SUPERUSER: 'true', HIVE_POOL_MIN: '0' };
    return { start: () => startHive({ ...common, ...where }, io), close: () => db.close() };
  }
  const folder = mkdtempSync(join(tmpdir(), 'hive-people-'));
  return { start: () => startHive({ ...common, HIVE_DATA_DIR: join(folder, 'data') }, io), close: async () => rmSync(folder, { recursive: true }) };
}

async function call(hive: RunningHive, method: string, path: string, body?: object, key = ADMIN_KEY): Promise<{ status: number; body: Body }> {
  const answer = await fetch(hive.url + path, { method, headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) }, ...(body && { body: JSON.stringify(body) }) });
  return { status: answer.status, body: (await answer.json()) as Body };
}

/** A task of its own queue that waits for a question. */
async function aWaitingTask(hive: RunningHive, question: object = {}, key = ADMIN_KEY): Promise<{ task: string; question: string; claim: object }> {
  const post = async (path: string, body: object) => (await call(hive, 'POST', path, body, key)).body;
  const agent = await post('/v1/agents', { name: 'asker', type: 'general-purpose' });
  const asked = await post('/v1/interactions', { type: 'decision_point', content: 'Which?', agentId: agent.id, ...question });
  const task = await post('/v1/tasks', { title: 'ask', queue: agent.id });
  const claim = { agentId: agent.id, queues: [agent.id] };
  const [held] = (await post('/v1/claims', claim)).items;
  expect(await post(`/v1/tasks/${task.id}/wait`, { fencingToken: held!.fencingToken, interactionId: asked.id })).toMatchObject({ status: 'waiting' });
  return { task: task.id, question: asked.id, claim };
}

describe('people in the loop', () => {
  let place: Awaited<ReturnType<typeof aPlace>>;
  beforeAll(async () => {
    place = await aPlace();
  });
  afterAll(() => place.close());

  it('may answer after the server has been restarted: what waits goes on', async () => {
    const first = await place.start();
    const { task, question, claim } = await aWaitingTask(first);
    await first.stop();
    const second = await place.start();
    expect((await call(second, 'GET', `/v1/tasks/${task}`)).body).toMatchObject({ status: 'waiting', interactionId: question });
    const claiming = call(second, 'POST', '/v1/claims', { ...claim, waitSeconds: 10 });
    const reading = call(second, 'GET', `/v1/interactions/${question}?waitSeconds=10`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await call(second, 'POST', `/v1/interactions/${question}/response`, { status: 'answered', response: 'left' })).status).toBe(200);
    expect((await claiming).body.items).toMatchObject([{ task: { id: task, interactionId: question } }]);
    expect((await reading).body).toMatchObject({ status: 'answered', response: 'left' });
    await second.stop();
  });

  it('need not answer: the job ends a question whose time is up, and its task goes on within five seconds', async () => {
    const hive = await place.start();
    const { task, question, claim } = await aWaitingTask(hive, { expiresInSeconds: 1 });
    const { body } = await call(hive, 'POST', '/v1/claims', { ...claim, waitSeconds: 7 });
    expect(body.items).toMatchObject([{ task: { id: task } }]);
    const { body: entries } = await call(hive, 'GET', `/v1/audit/entries?subjectId=${question}`);
    expect(entries.items.map(({ action }) => action)).toEqual(['interaction.expired', 'interaction.created']);
    await hive.stop();
  });

  it('are not waited for by a process that is told to stop', async () => {
    const hive = await place.start();
    const asked = await call(hive, 'POST', '/v1/interactions', { type: 'notification', content: 'x' });
    const waiting = call(hive, 'GET', `/v1/interactions/${asked.body.id}?waitSeconds=20`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const stoppedAt = Date.now();
    await hive.stop();
    expect((await waiting).body).toMatchObject({ status: 'pending' });
    expect(Date.now() - stoppedAt).toBeLessThan(5000);
  });

  it('and what they were asked leave with their tenant', async () => {
    const hive = await place.start();
    const { body: tenant } = await call(hive, 'POST', '/v1/tenants', { slug: 'leaving', name: 'Leaving' });
    const { key } = tenant.adminKey as { key: string };
    await aWaitingTask(hive, {}, key);
    await call(hive, 'PUT', `/v1/tenants/${tenant.id}/suspension`, { reason: 'r' });
    const deleted = await call(hive, 'DELETE', `/v1/tenants/${tenant.id}`);
    expect([deleted.status, deleted.body.stores]).toEqual([200, expect.arrayContaining([{ table: 'trust.interaction', rows: 1, kept: null }, { table: 'tasks.task', rows: 1, kept: null }])]);
    await hive.stop();
  });

  const onServer = testEngine() === 'server' ? it : it.skip;
  onServer('are heard in every server process within a second (needs two processes over one database, so a server)', async () => {
    const [one, two] = [await place.start(), await place.start()];
    const { task, question, claim } = await aWaitingTask(one);
    const [reading, claiming] = [call(one, 'GET', `/v1/interactions/${question}?waitSeconds=10`), call(one, 'POST', '/v1/claims', { ...claim, waitSeconds: 10 })];
    await new Promise((resolve) => setTimeout(resolve, 300));
    await call(two, 'POST', `/v1/interactions/${question}/response`, { status: 'rejected' });
    const answeredAt = Date.now();
    expect((await reading).body.status).toBe('rejected');
    expect((await claiming).body.items).toMatchObject([{ task: { id: task } }]);
    expect(Date.now() - answeredAt).toBeLessThan(1000);
    await Promise.all([one.stop(), two.stop()]);
  });
});
