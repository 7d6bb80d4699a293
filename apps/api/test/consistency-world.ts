import { ConsistencyService, DispatchService, SealingService } from '@agent-hive/audit';
import { oneTransaction, runAs, servicePrincipal, tenantSql, type Sql } from '@agent-hive/kernel';
import { EmbeddingsService } from '@agent-hive/knowledge';
import { sql } from 'kysely';
import { operationWorld } from './operation-world.js';
import type { OpenTestHive } from './world.js';

/** What a busy tenant has of each domain, by the verbs of the API. */
export async function busyWorld(hive: OpenTestHive) {
  const world = await operationWorld(hive);
  const { made, a } = world;
  const get = <T>(service: abstract new (...args: never[]) => T): T => hive.app.get(service, { strict: false });
  const as = <T>(work: () => Promise<T>): Promise<T> => runAs(hive.orm.em, servicePrincipal(a.id, 'test'), work);
  const post = (path: string, body: unknown = {}) => made(path, body);

  /** Runs the checks of the tenant over what the owner's statement makes of its rows, and takes that back. `id` is what it returned. */
  async function checkBroken(statement: string) {
    const work = async (db: Sql) => {
      await sql`set local role none`.execute(db);
      const { rows } = await sql.raw<{ id: string }>(statement).execute(db);
      await sql`set local role hive_app`.execute(db);
      throw new Undone(rows.map(({ id }) => id), await get(ConsistencyService).check());
    };
    try {
      return await as(() => oneTransaction(hive.orm.em, () => tenantSql(hive.orm.em, work)));
    } catch (error) {
      if (!(error instanceof Undone)) throw error;
      return error;
    }
  }

  const agent = async (name: string, type = 'general-purpose') => {
    const { id } = await post('/v1/agents', { name, type, capabilities: [name] });
    await post(`/v1/agents/${id}/heartbeat`, { status: 'active' });
    await post(`/v1/agents/${id}/heartbeat`, { status: 'busy' });
    return id;
  };

  async function talk(agentId: string, other: string): Promise<void> {
    const session = await post('/v1/sessions', { agentId });
    for (const content of ['one', 'two', 'three']) await post(`/v1/sessions/${session.id}/messages`, { role: 'user', content, tokensUsed: 5 });
    const fork = await post(`/v1/sessions/${session.id}/fork`);
    await post(`/v1/sessions/${fork.id}/messages`, { role: 'user', content: 'four' });
    await made('/v1/topics/news', {}, a.key, 'PUT');
    await made(`/v1/topics/news/subscriptions/${other}`, {}, a.key, 'PUT');
    for (const address of [{ toAgentId: other, type: 'message' }, { topic: 'news', type: 'event' }, { type: 'broadcast' }]) await post('/v1/agent-messages', { fromAgentId: agentId, content: 'hello', ...address });
    await made(`/v1/agents/${other}/inbox?limit=1`, undefined, a.key, 'GET');
    await post('/v1/notifications', { agentId, kind: 'message', title: 't' });
  }

  async function decide(agentId: string): Promise<void> {
    const session = await post('/v1/sessions', { agentId });
    const decision = (risk: string) => post(`/v1/sessions/${session.id}/decisions`, { decisionType: 'review', inputContext: {}, actionTaken: {}, risk });
    for (const feedback of ['approved', 'rejected']) await made(`/v1/decisions/${(await decision('low')).id}/feedback`, { feedback }, a.key, 'PUT');
    await decision('high');
    const override = { level: 'L2', reason: 'r', expiresAt: '2100-01-01T00:00:00Z' };
    for (const actionClass of ['review', 'review', 'deploy']) await post(`/v1/agents/${agentId}/trust/overrides`, { ...override, actionClass });
    await post(`/v1/agents/${agentId}/incidents`, { severity: 'high', description: 'd' });
    await post(`/v1/agents/${agentId}/trust/overrides`, { ...override, actionClass: 'planning' });
  }

  /** The ids of tasks that an agent claims, oldest first, with their tokens. */
  async function claim(agentId: string, queue: string, limit: number): Promise<{ id: string; fencingToken: number }[]> {
    const { items } = await made<{ items: { task: { id: string }; fencingToken: number }[] }>('/v1/claims', { agentId, queues: [queue], limit });
    return items.map(({ task, fencingToken }) => ({ id: task.id, fencingToken }));
  }

  async function work(agentId: string): Promise<void> {
    const group = await post('/v1/tasks', { title: 'group', childPolicy: 'all' });
    for (const title of ['done', 'dead', 'open']) await post('/v1/tasks', { title, parentId: group.id, queue: 'children', maxAttempts: 1 });
    const [done, dead] = await claim(agentId, 'children', 2);
    await post(`/v1/tasks/${done!.id}/completion`, { fencingToken: done!.fencingToken });
    await post(`/v1/tasks/${dead!.id}/failure`, { fencingToken: dead!.fencingToken, error: { message: 'x' } });
    const first = await post('/v1/tasks', { title: 'first', queue: 'later' });
    await post('/v1/tasks', { title: 'second', dependsOn: [{ taskId: first.id }] });
    await post('/v1/tasks', { title: 'third', queue: 'ends', dependsOn: [{ taskId: first.id, type: 'finish_to_finish' }] });
    for (const title of ['claimed', 'running', 'asking', 'answered', 'failing']) await post('/v1/tasks', { title, queue: 'held', backoff: { kind: 'fixed', seconds: 0 } });
    const [, running, asking, answered, failing] = await claim(agentId, 'held', 5);
    await post(`/v1/tasks/${running!.id}/heartbeat`, { fencingToken: running!.fencingToken });
    const ask = async (task: { id: string; fencingToken: number }) => {
      const { id: interactionId } = await post('/v1/interactions', { type: 'clarification_request', content: 'Which one?', agentId });
      await post(`/v1/tasks/${task.id}/wait`, { fencingToken: task.fencingToken, interactionId });
      return interactionId;
    };
    await ask(asking!);
    await post(`/v1/interactions/${await ask(answered!)}/response`, { status: 'answered', response: 'that' });
    await post(`/v1/tasks/${failing!.id}/failure`, { fencingToken: failing!.fencingToken, error: { message: 'x' } });
    const process = await post('/v1/processes', { name: 'p', steps: [{ key: 'one', title: 'One' }, { key: 'two', title: 'Two', dependsOn: [{ step: 'one' }] }] });
    await post(`/v1/processes/${process.id}/versions`, { steps: [{ key: 'one', title: 'One' }] });
    await post(`/v1/processes/${process.id}/runs`);
  }

  async function learn(): Promise<void> {
    const document = await post('/v1/documents', { name: 'd', category: 'c', content: `# One\n\n${'word '.repeat(600)}\n\n# Two\n\n${'other '.repeat(600)}` });
    await post(`/v1/documents/${document.id}/versions`, { content: `# One\n\n${'word '.repeat(600)}\n\n# Three\n\n${'else '.repeat(900)}` });
    const memory = await post('/v1/memories', { knowledgeType: 'fact', domain: 'd', content: 'x' });
    await post(`/v1/memories/${memory.id}/successors`, { content: 'y' });
    for (const [itemId, helpful] of [[document.id, true], [document.id, false], [memory.id, true]]) await post('/v1/knowledge/usages', { itemId, helpful });
    await post('/v1/embedding-models', { name: 'small', dimensions: 2, provider: 'lexical', isDefault: false });
    await as(() => get(EmbeddingsService).work());
    await post('/v1/documents', { name: 'waits', category: 'c', content: 'for its vectors' });
  }

  async function listen(): Promise<void> {
    await as(() => get(SealingService).seal());
    await post('/v1/webhooks', { url: 'http://127.0.0.1:1/', actions: ['*'] });
    for (const title of ['one', 'two']) {
      const { id } = await post('/v1/tasks', { title });
      await post(`/v1/tasks/${id}/cancellation`, { reason: 'r' });
    }
    await as(() => get(SealingService).seal());
    await as(() => get(DispatchService).dispatch());
    await get(DispatchService).idle();
  }

  await made('/v1/agent-types/painter', {}, a.key, 'PUT');
  const [one, two] = [await agent('one'), await agent('two', 'painter')];
  await post('/v1/api-keys', { name: 'k', scopes: [], agentId: one });
  await talk(one, two);
  await decide(one);
  await work(one);
  await learn();
  await listen();
  return { ...world, get, as, checkBroken };
}

/** What checks found of rows that are as they were again. */
class Undone extends Error {
  constructor(
    readonly ids: readonly string[],
    readonly report: Awaited<ReturnType<ConsistencyService['check']>>,
  ) {
    super('taken back');
  }
}
