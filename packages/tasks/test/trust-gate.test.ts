import { newId } from '@agent-hive/kernel';
import type { TestApp } from '@agent-hive/kernel/testing';
import { aTask, anAgent, asked, claim, tasksApp } from './world.js';

interface Claimed {
  items: { task: { id: string; title: string } }[];
  withheld: number;
}

describe('what the trust of an agent says of its claims', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await tasksApp();
  });
  afterAll(() => hive.close());

  const claimed = async ({ id: agentId }: { id: string }, queue: string, limit = 10): Promise<Claimed> => (await hive.post<Claimed>('/v1/claims', { agentId, queues: [queue], limit })).body;
  const titles = ({ items, withheld }: Claimed) => [items.map(({ task }) => task.title).sort(), withheld];
  const override = ({ id }: { id: string }, level: string, actionClass?: string) =>
    hive.post<{ id: string }>(`/v1/agents/${id}/trust/overrides`, { level, actionClass, reason: 'as tests need it', expiresAt: new Date(Date.now() + 3_600_000).toISOString() });

  /** A queue of its own with a task of each risk, one of a class that only suggests, and one without a risk. */
  async function aQueue(): Promise<string> {
    const queue = newId();
    for (const risk of ['low', 'medium', 'high', 'critical']) await aTask(hive, { title: risk, risk, queue });
    await aTask(hive, { title: 'review', risk: 'low', actionClass: 'review', queue });
    await aTask(hive, { title: 'free', queue });
    return queue;
  }

  it.each<[string, string[]]>([
    ['L0', ['free']],
    ['L1', ['free', 'review']],
    ['L2', ['free', 'low', 'review']],
    ['L3', ['free', 'low', 'medium', 'review']],
    ['L4', ['free', 'high', 'low', 'medium', 'review']],
  ])('%s claims what it may do without asking, and is told how many it may not', async (level, wanted) => {
    const [agent, queue] = [await anAgent(hive), await aQueue()];
    await override(agent, level);
    expect(titles(await claimed(agent, queue))).toEqual([wanted, 6 - wanted.length]);
    expect((await hive.get<{ items: unknown[] }>(`/v1/interactions?agentId=${agent.id}`)).body.items).toEqual([]); // a claim asks nobody
  });

  it('counts by the class of the task, and by the whole agent where its class has no level', async () => {
    const [agent, queue] = [await anAgent(hive), newId()];
    await aTask(hive, { title: 'deploy', risk: 'medium', actionClass: 'deploy', queue });
    await aTask(hive, { title: 'test', risk: 'medium', actionClass: 'test', queue });
    await override(agent, 'L3', 'deploy');
    expect(titles(await claimed(agent, queue))).toEqual([['deploy'], 1]);
    await override(agent, 'L3');
    expect(titles(await claimed(agent, queue))).toEqual([['test'], 0]);
  });

  it('falls back when an override is over, without anybody sweeping', async () => {
    const [agent, queue] = [await anAgent(hive), newId()];
    await aTask(hive, { title: 'low', risk: 'low', queue });
    const { body } = await override(agent, 'L4');
    await hive.database.execute(hive.orm, `update trust.standing set override_expires_at = now() - interval '1 second' where agent_id = '${agent.id}' and override_id = '${body.id}'`);
    expect(titles(await claimed(agent, queue))).toEqual([[], 1]);
  });

  it('keeps two that come together apart when they are not trusted alike', async () => {
    const [trusted, fresh, queue] = [await anAgent(hive), await anAgent(hive), newId()];
    await override(trusted, 'L4');
    for (let i = 0; i < 8; i++) await aTask(hive, { title: 'low', risk: 'low', queue });
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => claimed(i % 2 === 0 ? trusted : fresh, queue, 1)));
    expect(answers.filter((_, i) => i % 2 === 1).flatMap(({ items }) => items)).toEqual([]);
    expect(answers.filter((_, i) => i % 2 === 0).flatMap(({ items }) => items)).toHaveLength(6);
  });

  it('a task that is pinned to an agent needs the level too', async () => {
    const [agent, queue] = [await anAgent(hive), newId()];
    await aTask(hive, { title: 'mine', risk: 'low', assigneeId: agent.id, queue });
    expect(titles(await claimed(agent, queue))).toEqual([[], 1]);
  });

  it('counts at most a hundred', async () => {
    const [agent, queue] = [await anAgent(hive), newId()];
    await hive.post('/v1/tasks/batch', { tasks: Array.from({ length: 150 }, () => ({ title: 'high', risk: 'high', queue })) });
    await aTask(hive, { title: 'free', priority: 0, queue });
    expect(titles(await claimed(agent, queue))).toEqual([['free'], 100]);
  });

  it('while the fleet is stopped, nothing is claimed, approvals are gone, and all of it comes back', async () => {
    const [agent, queue] = [await anAgent(hive), newId()];
    await override(agent, 'L4');
    await aTask(hive, { title: 'low', risk: 'low', queue });
    await aTask(hive, { title: 'free', queue });
    const approval = await asked(hive, { type: 'approval_request', action: { name: 'x', parameters: {} } });
    expect(await hive.post('/v1/emergency-stop', { reason: 'they run wild' })).toMatchObject({ status: 200, body: { isStopped: true, cancelledApprovals: 1, reason: 'they run wild' } });
    expect(titles(await claimed(agent, queue))).toEqual([[], 2]);
    expect((await hive.get(`/v1/interactions/${approval.id}`)).body).toMatchObject({ status: 'cancelled' });
    expect((await hive.get(`/v1/agents/${agent.id}/trust`)).body).toMatchObject({ isEmergencyStopped: true, effectiveLevel: 'L0' });
    expect(await hive.request('DELETE', '/v1/emergency-stop')).toMatchObject({ status: 204 });
    expect(titles(await claimed(agent, queue))).toEqual([['free', 'low'], 0]);
    expect((await hive.get(`/v1/agents/${agent.id}/trust`)).body).toMatchObject({ isEmergencyStopped: false, effectiveLevel: 'L4' });
  });

  it('a claim that finds nothing else says so at once to one who does not wait', async () => {
    const agent = await anAgent(hive);
    expect(await claim(hive, agent, { queues: [newId()] })).toEqual([]);
  });
});
