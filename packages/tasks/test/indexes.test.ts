import { newId, runAs, type Sql } from '@agent-hive/kernel';
import { explain, type Plan, type TestApp } from '@agent-hive/kernel/testing';
import { lockStranded } from '../src/assignment/assignment.sql.js';
import { selectAttempts } from '../src/attempt/attempt.sql.js';
import { completeTasks } from '../src/attempt/work.sql.js';
import { claimTasks, selectClaimants } from '../src/claim/claim.sql.js';
import { selectDependencies } from '../src/dependency/dependency.sql.js';
import { selectPath } from '../src/dependency/graph.sql.js';
import { admit } from '../src/queue/admission.sql.js';
import { selectQueues } from '../src/queue/queue.sql.js';
import { lockExpired, lockOverdue, releaseDue } from '../src/sweep/sweep.sql.js';
import { ANYONE, laneOf } from '../src/task/lane.js';
import { lockDependents } from '../src/task/settlement.sql.js';
import type { TaskQuery } from '../src/task/task-view.dto.js';
import { selectTask, selectTasks, selectTree } from '../src/task/task.sql.js';
import { selectWorkloads } from '../src/workload/workload.sql.js';
import { lockWaitingFor } from '../src/wait/wait.sql.js';
import { anAgent, asked, tasksApp } from './world.js';

const TASKS = 20_000;

describe('the indexes of tasks, by the plans of the statements that they serve', () => {
  let hive: TestApp;
  let agent: string;
  let known: string;
  let project: string;
  beforeAll(async () => {
    hive = await tasksApp();
    agent = (await anAgent(hive)).id;
    project = (await hive.post<{ id: string }>('/v1/projects', { name: 'explained' })).body.id;
    const run = (text: string) => hive.database.execute<{ id: string }>(hive.orm, text);
    const lane = (requiredCapabilities: string[]) => laneOf({ requiredCapabilities, actionClass: null, risk: null, isStartLinked: false });
    const tenants = [hive.me.tenantId, newId()].map((id) => `('${id}'::uuid)`).join(', ');
    await run(`
      insert into tasks.task (tenant_id, id, title, type, status, input, task_metadata, priority, queue, required_capabilities, lane, held_by, assignee_id, reserved_for, project_id,
             concurrency_key, external_id, run_at, deadline_at, attempt, max_attempts, redrive_count, backoff_kind, backoff_seconds, backoff_max_seconds, fencing_token, lease_expires_at,
             progress, child_policy, child_count, open_child_count, failed_child_count, on_dependency_failure, open_start_count, open_finish_count, is_linked, is_start_linked,
             created_at, updated_at)
      select t.id, gen_random_uuid(), 'task ' || n, 'general', s.status, '{}', '{}', n % 10, 'queue ' || n % 5, case when n % 50 = 7 then '["sql"]'::jsonb else '[]'::jsonb end,
             case when n % 50 = 7 then '${lane(['sql'])}'::uuid else '${lane([])}'::uuid end, case when s.status = 'ready' and n % 100 = 0 then 'run_at' when s.status = 'ready' and n % 100 = 1 then 'concurrency_key' end,
             case when s.status in ('claimed', 'completed') and n % 10 = 3 then '${agent}'::uuid end, '${ANYONE}', case when t.id = '${hive.me.tenantId}' and n % 100 = 50 then '${project}'::uuid end,
             case when n % 100 = 1 then 'key ' || n % 7 end, 'outside ' || n, case when n % 100 = 0 then now() + n * interval '1 second' end, case when n % 100 = 2 then now() + n * interval '1 minute' end,
             0, 3, 0, 'fixed', 0, 0, 0, case when s.status = 'claimed' then now() + n * interval '1 second' end, 0, 'ignore', 0, 0, 0, 'cancel', 0, 0, false, false, now(), now()
        from (values ${tenants}) t(id), generate_series(1, ${TASKS}) n cross join lateral (select (array['completed', 'completed', 'ready', 'completed', 'claimed', 'dead'])[1 + (n / 3) % 6] as status) s`);
    const question = (await asked(hive)).id;
    await run(`update tasks.task set status = 'waiting', status_reason = 'interaction', interaction_id = '${question}', lease_expires_at = null where tenant_id = '${hive.me.tenantId}' and external_id in ('outside 4', 'outside 8')`);
    await run('analyze tasks.task'); // without figures the joins below are nested loops
    await run(`update tasks.task c set parent_id = p.id from (select tenant_id, id, row_number() over (partition by tenant_id order by id) as n from tasks.task) p
                where c.tenant_id = p.tenant_id and p.n = 1 + mod(abs(hashtext(c.id::text)), 400) and mod(abs(hashtext(c.id::text)), 10) = 1 and p.id <> c.id`);
    await run(`insert into tasks.task_dependency (tenant_id, dependent_id, dependency_id, type, created_at)
               select tenant_id, id, next, 'finish_to_start', now()
                 from (select tenant_id, id, lead(id) over w as next, row_number() over w as n from tasks.task window w as (partition by tenant_id order by id)) t
                where n % 4 = 0 and next is not null`);
    await run(`insert into tasks.attempt (tenant_id, id, task_id, agent_id, fencing_token, number, redrive, claimed_at)
               select tenant_id, gen_random_uuid(), id, coalesce(assignee_id, gen_random_uuid()), 1, 1, 0, now() from tasks.task`);
    await run(`insert into tasks.concurrency_limit (tenant_id, key, max_active, created_at, updated_at) select distinct tenant_id, concurrency_key, 3, now(), now() from tasks.task where concurrency_key is not null`);
    // Vacuumed, as autovacuum does: rows that wait in a GIN index's pending list make it look expensive.
    for (const table of ['task', 'task_dependency', 'attempt', 'concurrency_limit']) await run(`vacuum (analyze) tasks.${table}`);
    known = (await run(`select dependency_id as id from tasks.task_dependency where tenant_id = '${hive.me.tenantId}' limit 1`))[0]!.id;
  });
  afterAll(() => hive.close());

  const plans = (work: (db: Sql) => Promise<unknown>): Promise<Plan[]> => runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, work));
  const list = (query: Partial<TaskQuery>) => (db: Sql) => selectTasks(db, { limit: 20, ...query }, undefined);
  const now = new Date();
  const facts = { actorType: 'service' as const, actorId: null, actorName: 'test', requestId: null, ip: null, userAgent: null };
  const claim = (queues: string[] | null) => (db: Sql) =>
    claimTasks(db, { agentId: agent, queues, slots: [{ n: 1, agentId: agent, leaseSeconds: 60, leaseExpiresAt: now, attemptId: newId(), entryId: newId(), ...facts }], turn: 0, now }, true);

  it.each<[string, string, (db: Sql) => Promise<unknown>]>([
    ['a claim', 'task_claim_index', claim(null)],
    ['a claim of some queues', 'task_claim_index', claim(['queue 1', 'queue 3'])],
    ['a completion', 'task_pkey', (db) => completeTasks(db, [{ n: 0, taskId: known, fencingToken: 1, entryId: newId(), ...facts }], now, true)],
    ['one task', 'task_pkey', (db) => selectTask(db, known)],
    ['the newest', 'task_pkey', list({})],
    ['those of a status', 'task_queue_index', list({ status: 'dead' })],
    ['those of a queue', 'task_queue_index', list({ queue: 'queue 2' })],
    ['those of a queue and a status', 'task_queue_index', list({ queue: 'queue 2', status: 'ready' })],
    ['those of an assignee', 'task_assignee_index', (db) => selectTasks(db, { limit: 20, assigneeId: agent }, undefined)],
    ['those of a project', 'task_project_index', (db) => selectTasks(db, { limit: 20, projectId: project }, undefined)],
    ['the children of one', 'task_parent_index', (db) => selectTasks(db, { limit: 20, parentId: known }, undefined)],
    ['the one of an external id', 'task_external_id_unique', list({ externalId: 'outside 7' })],
    ['a tree', 'task_parent_index', (db) => selectTree(db, known, 100)],
    ['what waits for a task', 'task_dependency_dependents_index', (db) => lockDependents(db, [known], ['finish_to_start'])],
    ['the dependents of a task', 'task_dependency_dependents_index', (db) => selectDependencies(db, known, 'dependents', 20)],
    ['the dependencies of a task', 'task_dependency_pkey', (db) => selectDependencies(db, known, 'dependencies', 20)],
    ['a way along dependencies', 'task_dependency_dependents_index', (db) => selectPath(db, known, newId())],
    ['what waits for answers', 'task_interaction_index', (db) => lockWaitingFor(db, [newId()])],
    ['a sweep of leases', 'task_lease_index', (db) => lockExpired(db, now)],
    ['a sweep of deadlines', 'task_deadline_index', (db) => lockOverdue(db, now)],
    ['a sweep of what is due', 'task_due_index', (db) => releaseDue(db, now)],
    ['what waits for agents that are shut down', 'task_claim_index', (db) => lockStranded(db, new Date())],
    ['the next of a concurrency key', 'task_concurrency_index', (db) => admit(db, ['key 1', 'key 3'])],
    ['queues with their depths', 'task_queue_index', (db) => selectQueues(db)],
    ['the history of a task', 'attempt_task_index', (db) => selectAttempts(db, known, 20, undefined)],
    ['the load of an agent', 'attempt_agent_index', (db) => selectWorkloads(db, [agent], 3600, now)],
  ])('%s: %s, and no table is scanned', async (_, index, work) => {
    const all = await plans(work);
    expect(all.length).toBeGreaterThan(0);
    expect(all.flatMap((plan) => plan.indexes)).toContain(index);
    expect(all.flatMap((plan) => plan.scanned).filter((table) => table === 'task' || table === 'task_dependency' || table === 'attempt')).toEqual([]);
  });

  it('those that require a capability: task_capabilities_index, inside the function that may', async () => {
    const [body] = await hive.database.execute<{ text: string }>(hive.orm, `select prosrc as text from pg_proc where oid = 'tasks.requiring(text)'::regprocedure`);
    const inner = body!.text.replace('jsonb_build_array(capability)', `'["sql"]'::jsonb`).replaceAll(`nullif(current_setting('app.tenant_id', true), '')::uuid`, `'${hive.me.tenantId}'::uuid`);
    const rows = await hive.database.execute<{ 'QUERY PLAN': string }>(hive.orm, `explain ${inner}`);
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('task_capabilities_index');
  });

  it('the agents of claims made together, where nearly all tasks are ready and for anyone: task_claim_index, and no table is scanned', async () => {
    await hive.database.execute(hive.orm, `update tasks.task set status = 'ready', held_by = null, lease_expires_at = null where status <> 'ready' or held_by is not null`);
    await hive.database.execute(hive.orm, 'vacuum (analyze) tasks.task');
    const all = await plans((db) => selectClaimants(db, [agent, newId()]));
    expect(all.flatMap((plan) => plan.indexes)).toContain('task_claim_index');
    expect(all.flatMap((plan) => plan.scanned)).not.toContain('task');
  });
});
