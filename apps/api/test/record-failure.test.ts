import { newId } from '@agent-hive/kernel';
import { operationWorld, type OperationWorld } from './operation-world.js';
import { openTestHive, type OpenTestHive } from './world.js';

describe('what cannot be recorded does not happen', () => {
  let hive: OpenTestHive;
  let world: OperationWorld;
  beforeAll(async () => {
    hive = await openTestHive();
    world = await operationWorld(hive);
  }, 180_000);
  afterAll(() => hive.close());

  const rows = (sql: string) => hive.database.execute<Record<string, unknown>>(hive.orm, sql);
  const call = (method: string, path: string, body: unknown) => world.call(method, path, world.a.key, body);
  const idOf = async (path: string, body: object) => (await world.made(path, body)).id;

  /** A task in a queue of its own, and an agent. */
  async function work(): Promise<{ id: string; queue: string; agentId: string }> {
    const queue = newId();
    return { queue, id: await idOf('/v1/tasks', { title: 't', queue }), agentId: await idOf('/v1/agents', { name: 'a', type: 'general-purpose' }) };
  }

  /** Of each way to write: the request, and what of the database it changes. */
  const WAYS: Record<string, () => Promise<{ method: string; path: string; body: object; state: string }>> = {
    'a change of the unit of work': async () => {
      const { agentId } = await work();
      return { method: 'PATCH', path: `/v1/agents/${agentId}`, body: { name: 'changed' }, state: `select name, version from agents.agent where id = '${agentId}'` };
    },
    'a claim': async () => {
      const { id, queue, agentId } = await work();
      return { method: 'POST', path: '/v1/claims', body: { agentId, queues: [queue] }, state: `select t.status, t.fencing_token, (select count(*) from tasks.attempt where task_id = t.id) from tasks.task t where t.id = '${id}'` };
    },
    'a completion': async () => {
      const { id, queue, agentId } = await work();
      await world.made('/v1/claims', { agentId, queues: [queue] });
      return { method: 'POST', path: `/v1/tasks/${id}/completion`, body: { fencingToken: 1 }, state: `select t.status, a.outcome from tasks.task t join tasks.attempt a on a.task_id = t.id where t.id = '${id}'` };
    },
    'a message': async () => {
      const id = await idOf('/v1/sessions', {});
      return { method: 'POST', path: `/v1/sessions/${id}/messages`, body: { role: 'user', content: 'said' }, state: `select last_sequence, (select count(*) from communication.message where session_id = s.id) from agents.session s where s.id = '${id}'` };
    },
    'a batch of metrics': async () => {
      const subjectId = newId();
      return { method: 'POST', path: '/v1/metrics', body: { items: [{ name: 'm', value: 1, subjectType: 'agent', subjectId }] }, state: `select count(*) from audit.performance_metric where entity_id = '${subjectId}'` };
    },
  };

  it.each(Object.keys(WAYS))('%s is undone when its entry cannot be written, and done when it can [S4.8]', async (way) => {
    const { method, path, body, state } = await WAYS[way]!();
    const before = await rows(state);
    await rows(`revoke insert on audit.entry from hive_app`);
    try {
      const refused = await call(method, path, body);
      expect([refused.status, refused.body?.code]).toEqual([500, 'internal']);
      expect(await rows(state)).toEqual(before);
    } finally {
      await rows(`grant insert on audit.entry to hive_app`);
    }
    expect((await call(method, path, body)).status).toBeLessThan(300);
    expect(await rows(state)).not.toEqual(before);
  });

  it.each(['update audit.entry set action = action', 'delete from audit.entry', 'truncate audit.entry', 'drop table audit.entry'])('the application may not: %s [S4.165]', async (statement) => {
    const denied = `do $probe$ begin
      set local role hive_app; perform set_config('app.tenant_id', '${world.a.id}', true);
      execute $s$${statement}$s$; raise exception 'it was allowed';
    exception when insufficient_privilege then null; end $probe$`;
    await rows(denied);
    expect(Number((await rows('select count(*) as count from audit.entry'))[0]!.count)).toBeGreaterThan(0);
  });
});
