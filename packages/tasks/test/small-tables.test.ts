import { newId, runAs, type Sql } from '@agent-hive/kernel';
import { explain, type TestApp } from '@agent-hive/kernel/testing';
import { beat, completeTasks, lockHeld } from '../src/attempt/work.sql.js';
import { claimTasks, selectClaimants } from '../src/claim/claim.sql.js';
import { moveTasks } from '../src/task/move.sql.js';
import { lockDependents, lockGroupsAbove, lockOpenBelow } from '../src/task/settlement.sql.js';
import { selectTask, selectTasksByIds } from '../src/task/task.sql.js';
import { aTask, anAgent, claim, complete, tasksApp } from './world.js';

const EARLY = 60; // what autovacuum analyzes first is a little more than 50 rows

/*
 * Statements are prepared, and their plans kept. A plan that was made when a table was small must still be right when it has
 * a million rows: it looks keys up, and neither scans the table nor walks through an index from the tenant's first entry.
 */
describe('plans that were made when the tables had some tens of rows', () => {
  let hive: TestApp;
  let agent: string;
  beforeAll(async () => {
    hive = await tasksApp();
    for (let i = 0; i < EARLY; i++) agent = (await anAgent(hive)).id;
    const each = (of: (i: number) => object) => hive.post('/v1/tasks/batch', { tasks: Array.from({ length: EARLY }, (_, i) => ({ title: 'early', ...of(i) })) });
    await each(() => ({}));
    for (const held of await claim(hive, { id: agent }, { limit: EARLY })) await complete(hive, held);
    const group = await aTask(hive, { childPolicy: 'all' });
    await each((i) => ({ parentId: group.id, dependsOn: i > 0 ? [{ index: i - 1 }] : [] }));
    for (const table of ['tasks.task', 'tasks.attempt', 'tasks.task_dependency', 'agents.agent', 'agents.presence']) await hive.database.execute(hive.orm, `vacuum (analyze) ${table}`);
  });
  afterAll(() => hive.close());

  const now = new Date();
  const facts = { actorType: 'service' as const, actorId: null, actorName: 'test', requestId: null, ip: null, userAgent: null };
  const write = () => ({ n: 0, taskId: newId(), fencingToken: 1, entryId: newId(), ...facts });
  const slot = () => ({ n: 1, agentId: agent, leaseSeconds: 60, leaseExpiresAt: now, attemptId: newId(), entryId: newId(), ...facts });
  const task = () => ({ id: newId(), status: 'claimed' as const, fencing_token: 1, attempt_id: newId() });

  it.each<[string, (db: Sql) => Promise<unknown>]>([
    ['a claim', (db) => claimTasks(db, { agentId: agent, queues: null, slots: [slot()], turn: 0, now }, false)],
    ['a claim of fifty', (db) => claimTasks(db, { agentId: agent, queues: null, slots: Array.from({ length: 50 }, slot), turn: 0, now }, false)],
    ['the agents of claims', (db) => selectClaimants(db, [agent, newId()])],
    ['a completion', (db) => completeTasks(db, [write()], now, false)],
    ['fifty completions', (db) => completeTasks(db, Array.from({ length: 50 }, write), now, false)],
    ['a lock on what is held', (db) => lockHeld(db, [write()], now)],
    ['a heartbeat', (db) => beat(db, [write()], now)],
    ['a move', (db) => moveTasks(db, [{ task: task(), action: 'task.released', status: 'ready', reason: null, outcome: 'released' }], now)],
    ['one task', (db) => selectTask(db, newId())],
    ['tasks by their ids', (db) => selectTasksByIds(db, [newId(), newId()])],
    ['what waits for a task', (db) => lockDependents(db, [newId()], ['finish_to_start'])],
    ['what is below', (db) => lockOpenBelow(db, [newId()], 'open')],
    ['what is above', (db) => lockGroupsAbove(db, [newId()])],
  ])('%s', async (_what, work) => {
    const plans = await runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, work, { asRun: true }));
    expect(plans.length).toBeGreaterThan(0);
    expect(plans.flatMap(({ tables }) => tables)).not.toEqual([]);
    expect(plans.flatMap(({ scanned, walked }) => [...scanned, ...walked])).toEqual([]);
  });
});
