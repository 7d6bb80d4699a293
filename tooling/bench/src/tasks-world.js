import { randomBytes } from 'node:crypto';
import { built } from './built.js';
import { BENCH_SCHEMA, callerOf, copyRows } from './seeds.js';
import { onServer, vacuum } from './servers.js';

const FOREIGN_LANES = 20;
/** Finished tasks of a hive that has just begun: without any, plans would be made for tables of which nothing is known. */
const EARLY = 1_000;
const TABLES = ['tasks.task', 'tasks.attempt', 'audit.entry'];

/** What a hive of the bench runs with. `key` administers it. */
export const hiveEnv = (url, key, poolMax) => ({ DATABASE_URL: url, HIVE_ALLOW_SUPERUSER: 'true', HIVE_ADMIN_KEY: key, LOG_LEVEL: 'warn', HIVE_POOL_MIN: String(poolMax), HIVE_POOL_MAX: String(poolMax) });

/** Opens a hive that does not listen, in this process. `settings` are more of its environment. */
export async function openHiveHere(url, key, poolMax, settings = {}) {
  const { createLogger, openHive, readConfig } = await built('apps/api/dist/index.js');
  const { config } = readConfig({ ...hiveEnv(url, key, poolMax), ...settings });
  return openHive(config, { out: () => undefined, err: () => undefined }, createLogger(config));
}

/**
 * Makes a database a hive with agents, and keeps in schema `bench` a row of each kind to fill tables with: a task for
 * anyone, tasks for whom nobody here is capable enough, and a finished task with its attempt and entries.
 */
export async function makeWorld(url, agents) {
  const key = randomBytes(24).toString('base64url');
  const hive = await openHiveHere(url, key, 2);
  try {
    const call = callerOf(hive, key);
    const { tenantId } = await call('GET', '/v1/me');
    const agentIds = [];
    for (let i = 0; i < agents; i++) agentIds.push((await call('POST', '/v1/agents', { name: `bench ${i}`, type: 'general-purpose', capabilities: ['reading'] })).id);
    const task = (overrides) => call('POST', '/v1/tasks', { title: 'bench', type: 'bench', ...overrides });
    await task({ title: 'finished' });
    const { items: [{ task: claimed, fencingToken }] } = await call('POST', '/v1/claims', { agentId: agentIds[0] });
    await call('POST', `/v1/tasks/${claimed.id}/completion`, { fencingToken });
    await task({ title: 'ready' });
    for (let lane = 0; lane < FOREIGN_LANES; lane++) await task({ title: 'foreign', requiredCapabilities: ['reading', `language ${lane}`] });
    await onServer(url, (client) => client.query(SEEDS));
    return { key, tenantId, agentIds };
  } finally {
    await hive.close();
  }
}

const SEEDS = `${BENCH_SCHEMA};
  create table bench.task as select * from tasks.task;
  create table bench.attempt as select * from tasks.attempt;
  create table bench.entry as select * from audit.entry where subject_id = (select id::text from bench.task where title = 'finished')`;

const TALLY = `
  select (select count(*) from tasks.task where id >= $1)::int as created, (select count(*) from audit.entry where id >= $1 and action = 'task.created')::int as "createdEntries",
         (select count(*) from tasks.attempt where id >= $1 and outcome = 'completed')::int as attempts,
         (select count(*) from tasks.attempt a join tasks.task t on t.tenant_id = a.tenant_id and t.id = a.task_id where a.id >= $1 and t.status = 'completed')::int as completed,
         (select count(*) from audit.entry where id >= $1 and action = 'task.claimed')::int as "claimedEntries",
         (select count(*) from audit.entry where id >= $1 and action = 'task.completed')::int as "completedEntries"`;

/** The tasks of a hive as the bench fills and counts them. `crowd` tells what lies there besides the tasks to be done. */
export function tasksOf(url, crowd = {}) {
  const { foreign = 0, finished = 0 } = crowd;
  return {
    /** Leaves just so many tasks that can be done, and the crowd. */
    async fill(ready) {
      await onServer(url, async (client) => {
        if (finished === 0) {
          await client.query(`truncate ${TABLES.join(', ')} cascade`);
          await copyFinished(client, EARLY);
        }
        // Before the others, so that whoever looks at the oldest first meets them first.
        if (foreign > 0) await copyTasks(client, 'foreign', foreign / FOREIGN_LANES);
        const { rows: [{ left }] } = await client.query(`select count(*)::int as left from tasks.task where status = 'ready' and required_capabilities = '[]'`);
        await copyTasks(client, 'ready', ready - left);
      });
      await vacuum(url, ...TABLES);
    },
    /** Adds the history of the crowd, once; a checkpoint after it, else whoever is measured next pays for its writing. */
    async addHistory() {
      await onServer(url, (client) => copyFinished(client, finished));
      await vacuum(url, ...TABLES);
      await onServer(url, (client) => client.query('checkpoint'));
    },
    /** Rows that tell what was done since then, found by their ids; a service that leaves out some of them is not measured but refused. */
    tally: (since) =>
      onServer(url, async (client) => {
        const { rows: [row] } = await client.query({ text: TALLY, values: [`${since.getTime().toString(16).padStart(12, '0')}70008000000000000000`] });
        return row;
      }),
  };
}

/** Rows of a query, each as often as `times` says, in turns. */
const repeat = (client, { table, seed, times, replaced }) => copyRows(client, { table, seed: `(${seed})`, from: `generate_series(1, ${times}) g`, order: 'order by g', replaced });

const copyTasks = (client, title, times) =>
  repeat(client, { table: 'tasks.task', seed: `select row_number() over () as k, count(*) over () as lanes, t.* from bench.task t where title = '${title}'`, times, replaced: { id: 'bench.id(g * s.lanes + s.k)' } });

async function copyFinished(client, times) {
  await client.query('begin');
  await repeat(client, { table: 'tasks.task', seed: `select * from bench.task where title = 'finished'`, times, replaced: { id: 'bench.id(g)', attempt_id: 'bench.id(g)' } });
  await repeat(client, { table: 'tasks.attempt', seed: 'select * from bench.attempt', times, replaced: { id: 'bench.id(g)', task_id: 'bench.id(g)' } });
  await repeat(client, { table: 'audit.entry', seed: 'select row_number() over (order by id) as k, e.* from bench.entry e', times, replaced: { id: 'bench.id(g::bigint * 4 + s.k)', subject_id: 'bench.id(g)::text' } });
  await client.query('commit');
}
