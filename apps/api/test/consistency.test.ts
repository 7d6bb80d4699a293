import { AuditHooks, ConsistencyService, EntriesService, type ConsistencyCheck } from '@agent-hive/audit';
import { sql } from 'kysely';
import { Metrics } from '../src/health/metrics.js';
import { checkConsistency } from '../src/jobs/audit.js';
import { busyWorld } from './consistency-world.js';
import { openTestHive, type OpenTestHive } from './world.js';

/** The first of some rows. */
const FIRST = (table: string, condition: string) => `id = (select id from ${table} where ${condition} order by id limit 1)`;

/** For each check a statement of the owner that breaks what it says, and returns the id of what is to be named. A new check needs one. */
const BREAKS: Record<string, string> = {
  'agents.forks': `update agents.session set fork_sequence = 100, last_sequence = 100 where forked_from_id is not null returning id`,
  'agents.keys': `update identity.api_key set agent_id = gen_random_uuid() where agent_id is not null returning id`,
  'agents.presence': `delete from agents.presence where agent_id = (select id from agents.agent where name = 'one') returning agent_id as id`,
  'agents.status-changes': `update agents.presence set status = 'idle' where agent_id = (select id from agents.agent where name = 'one') returning agent_id as id`,
  'agents.types': `delete from agents.agent_type where name = 'painter' returning (select id from agents.agent where type = 'painter') as id`,
  'audit.checkpoints': `delete from audit.checkpoint where size = (select max(size) from audit.checkpoint) returning tenant_id as id`,
  'audit.webhook-cursors': `update audit.webhook_cursor set sequence = 0 returning webhook_id as id`,
  'audit.webhook-keys': `delete from audit.data_key returning (select id from audit.webhook) as id`,
  'audit.webhook-queues': `update audit.webhook_delivery set next_attempt_at = null where ${FIRST('audit.webhook_delivery', 'next_attempt_at is not null')} returning id`,
  'communication.delivery-agents': `update communication.delivery set agent_id = gen_random_uuid() where ${FIRST('communication.delivery', 'true')} returning id`,
  'communication.delivery-messages': `delete from communication.agent_message m where to_agent_id is not null returning (select d.id from communication.delivery d where d.message_id = m.id) as id`,
  'communication.inboxes': `update communication.delivery set sequence = 1000 where ${FIRST('communication.delivery', 'true')} returning agent_id as id`,
  'communication.last-messages': `delete from communication.message where id = (select last_message_id from agents.session where forked_from_id is not null) returning session_id as id`,
  'communication.message-sequences': `update agents.session set last_sequence = fork_sequence where forked_from_id is not null returning id`,
  'communication.recipients': `update communication.agent_message set recipient_count = 0 where to_agent_id is not null returning id`,
  'knowledge.chunks': `update knowledge.chunk set position = 1 where document_id = (select id from knowledge.document where name = 'd') and position = 0 returning document_id as id`,
  'knowledge.document-versions': `delete from knowledge.document_version where number = 2 returning document_id as id`,
  'knowledge.memory-chains': `update knowledge.memory m set valid_until = valid_until + interval '1 hour' where valid_until is not null returning (select s.id from knowledge.memory s where s.supersedes_id = m.id) as id`,
  'knowledge.usages': `update knowledge.document set usage_count = 1 where name = 'd' returning id`,
  'knowledge.vector-items': `update knowledge.embedding set item_id = gen_random_uuid() where (model_id, chunk_id) = (select model_id, chunk_id from knowledge.embedding order by 1, 2 limit 1) returning chunk_id as id`,
  'knowledge.vectors': `delete from knowledge.embedding where (model_id, chunk_id) = (select model_id, chunk_id from knowledge.embedding order by 1, 2 limit 1) returning chunk_id as id`,
  'tasks.assignees': `update tasks.task set assignee_id = gen_random_uuid() where title = 'done' returning id`,
  'tasks.attempt-references': `update tasks.attempt set task_id = gen_random_uuid() where outcome = 'completed' returning id`,
  'tasks.blocked': `update tasks.task set status = 'ready' where title = 'second' returning id`,
  'tasks.children': `update tasks.task set open_child_count = open_child_count + 1 where title = 'group' returning id`,
  'tasks.dependencies': `update tasks.task set open_finish_count = open_finish_count + 1 where title = 'third' returning id`,
  'tasks.leases': `update tasks.attempt set fencing_token = fencing_token + 1 where ${FIRST('tasks.attempt', 'ended_at is null')} returning task_id as id`,
  'tasks.open-attempts': `update tasks.attempt set ended_at = null, outcome = null where outcome = 'completed' returning id`,
  'tasks.process-runs': `update tasks.process_run set root_task_id = gen_random_uuid() returning id`,
  'tasks.process-versions': `update tasks.process set latest_version = latest_version + 1 returning id`,
  'tasks.waits': `update trust.interaction i set status = 'cancelled' from tasks.task t where t.title = 'asking' and i.id = t.interaction_id returning t.id`,
  'trust.approvals': `delete from trust.interaction i using trust.decision d where d.interaction_id = i.id and d.risk = 'high' returning d.id`,
  'trust.judgements': `update trust.judged_day set judged_count = judged_count + 1 returning agent_id as id`,
  'trust.overrides': `update trust.override set level = 0 where action_class = 'planning' returning agent_id as id`,
  'trust.windows': `update trust.standing set judged_since_change = judged_count + 1 where action_class = 'review' returning agent_id as id`,
};

interface Report {
  ok: boolean;
  checks: { name: string; description: string; status: string; violations: number; isCapped: boolean; examples: { type: string; id: string }[]; tookMs: number }[];
}

const unclean = ({ checks }: Report) => checks.filter(({ status }) => status !== 'clean').map(({ name, status, examples }) => ({ name, status, examples }));

describe('orphaned rows and inconsistencies', () => {
  let hive: OpenTestHive;
  let world: Awaited<ReturnType<typeof busyWorld>>;
  beforeAll(async () => {
    hive = await openTestHive();
    world = await busyWorld(hive);
  }, 180_000);
  afterAll(() => hive.close());

  const ask = () => world.made<Report>('/v1/consistency-checks', undefined, world.a.key);
  const entries = async (name: string) =>
    (await world.made<{ items: { action: string; risk: string; details: object }[] }>(`/v1/audit/entries?subjectType=consistency_check&subjectId=${name}`, undefined, world.a.key, 'GET')).items;

  it('are none in what a busy tenant did by the API [S2.66]', async () => {
    const report = await ask();
    expect([unclean(report), report.ok]).toEqual([[], true]);
    expect(report.checks.map(({ name }) => name).sort()).toEqual(Object.keys(BREAKS).sort());
    expect(report.checks[0]).toEqual({ name: 'agents.presence', description: 'Each agent has a presence.', status: 'clean', violations: 0, isCapped: false, examples: [], tookMs: expect.any(Number) });
  });

  it('are asked for by who may read the record', async () => {
    const { key } = await world.made<{ key: string }>('/v1/api-keys', { name: 'r', scopes: ['agents:read'] });
    expect(await world.call('POST', '/v1/consistency-checks', key)).toMatchObject({ status: 403, body: { scope: 'audit:read' } });
  });

  it.each(Object.entries(BREAKS))('%s is told alone, with what violates it [S2.66]', async (name, statement) => {
    const { ids, report } = await world.checkBroken(statement);
    expect(ids).toHaveLength(1);
    expect(unclean(report)).toEqual([{ name, status: 'violated', examples: [{ type: expect.any(String), id: ids[0] }] }]);
    expect(report.ok).toBe(false);
  });

  /** The checks of a service of its own over the busy tenant. */
  function checked(check: Pick<ConsistencyCheck, 'violations'>, timeoutMs?: number) {
    const hooks = new AuditHooks();
    hooks.consistencyChecks.register('test', async () => [{ name: 'test.check', description: 'Something holds.', subjectType: 'thing', ...check }]);
    return world.as(() => new ConsistencyService(hive.orm.em, hooks, world.get(EntriesService)).check(timeoutMs));
  }

  it('are unfinished, and not none, when there is not enough time', async () => {
    // The embedded engine ends no statement: there a function says what a server would.
    await hive.database.execute(hive.orm, `create function public.too_long() returns text language plpgsql as $$ begin raise exception using errcode = 'query_canceled'; end $$`);
    const slow = hive.database.engine === 'server' ? sql<{ id: string }>`select pg_sleep(10)::text as id` : sql<{ id: string }>`select public.too_long() as id`;
    expect(await checked({ violations: () => slow }, 100)).toMatchObject({ ok: false, checks: [{ status: 'unfinished', violations: 0, examples: [] }] });
  });

  it('fail loudly when a check is wrong', async () => {
    await expect(checked({ violations: () => sql`select id from tasks.nothing` })).rejects.toThrow('tasks.nothing');
  });

  it('are counted up to a thousand, and ten of them named', async () => {
    const { checks } = await checked({ violations: () => sql`select n::text as id from generate_series(1, 1500) n` });
    expect(checks).toMatchObject([{ status: 'violated', violations: 1000, isCapped: true }]);
    expect(checks[0]!.examples).toHaveLength(10);
    expect((await checked({ violations: () => sql`select n::text as id from generate_series(1, 1000) n` })).checks).toMatchObject([{ violations: 1000, isCapped: false }]);
  });

  it('are looked for each hour, warned of, counted, and recorded when they are new, more, or over [S2.66]', async () => {
    const name = 'tasks.dependencies';
    const warned: string[] = [];
    world.get(ConsistencyService)['log'].warn = (message: string) => void warned.push(message);
    const run = () => checkConsistency.run({ database: hive.database, orm: hive.orm, get: world.get, signal: new AbortController().signal });
    const shift = (title: string, by: number) => hive.database.execute(hive.orm, `update tasks.task set open_finish_count = open_finish_count + ${by} where title = '${title}' and tenant_id = '${world.a.id}'`);
    const gauge = async () => /^hive_inconsistencies\{check="tasks.dependencies"\} (\d+)$/m.exec(await world.get(Metrics).read())?.[1];
    const known = async () => (await entries(name)).map(({ action, risk, details }) => ({ action, risk, ...details }));
    const [violated, restored] = ['consistency.violated', 'consistency.restored'];

    await run();
    expect([warned, await known(), await gauge()]).toEqual([[], [], '0']);
    await shift('third', 1);
    await run();
    await run();
    const first = { action: violated, risk: 'high', violations: 1, isCapped: false, examples: [{ type: 'task', id: expect.any(String) }] };
    expect([warned, await known(), await gauge()]).toEqual([Array(2).fill(`Check ${name} is violated by 1 in tenant ${world.a.id}`), [first], '1']);
    await shift('first', 1);
    await run();
    await shift('first', -1);
    await run();
    const second = { ...first, violations: 2, examples: [expect.anything(), expect.anything()] };
    expect([await known(), await gauge()]).toEqual([[second, first], '1']);
    await shift('third', -1);
    await run();
    await run();
    const over = { action: restored, risk: 'low', violations: 2 };
    expect([await known(), await gauge(), warned.length]).toEqual([[over, second, first], '0', 4]);
    await shift('third', 1);
    await run();
    await shift('third', -1);
    expect(await known()).toEqual([first, over, second, first]);
  });

  it('are of each tenant its own', async () => {
    await hive.database.execute(hive.orm, `update tasks.process set latest_version = latest_version + 1 where tenant_id = '${world.a.id}'`);
    const names = async (key: string) => unclean(await world.made<Report>('/v1/consistency-checks', undefined, key)).map(({ name }) => name);
    expect([await names(world.a.key), await names(world.b.key)]).toEqual([['tasks.process-versions'], []]);
    await hive.database.execute(hive.orm, `update tasks.process set latest_version = latest_version - 1 where tenant_id = '${world.a.id}'`);
  });

  it('cannot be reported by an agent in the name of the hive', async () => {
    const { id } = await world.made('/v1/agents', { name: 'a', type: 'general-purpose' });
    expect((await world.call('POST', '/v1/audit/entries', world.a.key, { agentId: id, actionType: 'consistency.restored', actionDetails: {}, riskLevel: 'low' })).status).toBe(422);
  });
});
