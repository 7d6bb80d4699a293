import pg from 'pg';
import { v7 } from 'uuid';
import { built } from './built.js';
import { INPUT, inLoops } from './tasks-loops.js';
import { statementOf } from './tasks-statements.js';
import { tasksOf } from './tasks-world.js';

const { runAs, servicePrincipal } = await built('packages/kernel/dist/index.js');
const { PLANNER, sessionStatements } = await built('packages/kernel/dist/engine/session.js');
const { claimTasks } = await built('packages/tasks/dist/claim/claim.sql.js');
const { completeTasks } = await built('packages/tasks/dist/attempt/work.sql.js');
const { draftOf, entryOf } = await built('packages/tasks/dist/task/new-task.js');
const { insertTasks } = await built('packages/tasks/dist/task/task-insert.sql.js');

const LEASE_MS = 60_000;
const LOOKS_MAX = 5;

/**
 * The limit: the service's own statements, so the same rows, sent through pg as named prepared statements, each in a
 * transaction of its own with role and tenant set. No service, no validation, no shared statements. It waits for the answer
 * to each message as one does by hand or, `pipelined`, sends the three of a transaction at once.
 */
export async function open({ url, poolMax, world, crowd, pipelined = false }) {
  const pool = new pg.Pool({ connectionString: url, max: poolMax, pipeline: pipelined });
  const statements = statementsOf(world);
  const BEGIN = ['begin', ...sessionStatements({ role: 'hive_app', variables: { 'app.tenant_id': world.tenantId } }), ...PLANNER.map((setting) => `set local ${setting}`)].join('; ');
  const inTenant = async (query, phase, time) => {
    const client = await pool.connect();
    try {
      const begin = () => client.query(BEGIN);
      const statement = () => client.query(query);
      const commit = () => client.query('commit');
      if (pipelined) return (await time(phase, Promise.all([begin(), statement(), commit()])))[1].rows;
      await time('begin', begin());
      const { rows } = await time(phase, statement());
      await time('commit', commit());
      return rows;
    } finally {
      client.release();
    }
  };
  let turn = 0;
  const claim = async (agentId, batch, time) => {
    for (let looks = 1; ; looks++) {
      const rows = await inTenant(await statements.claim(agentId, batch, turn), 'claim', time);
      turn = rows[0].turn;
      if (rows[0].id !== null) return rows;
      if (!rows[0].was_contended || looks === LOOKS_MAX) return [];
    }
  };
  return {
    ...tasksOf(url, crowd),
    enqueue: ({ loops, batch, seconds }) =>
      inLoops(loops, seconds, async (_loop, time) => {
        const rows = await inTenant(await statements.insert(batch), 'insert', time);
        return rows.length;
      }),
    drain: ({ loops, batch, seconds }) =>
      inLoops(loops, seconds, async (loop, time) => {
        const claimed = await claim(world.agentIds[loop], batch, time);
        if (claimed.length > 0) await inTenant(await statements.complete(claimed), 'complete', time);
        return claimed.length;
      }),
    close: () => pool.end(),
  };
}

/** The statements of the service, by how many tasks they are about. */
function statementsOf({ tenantId }) {
  const known = new Map();
  const prepared = (name, size, send, isOf) => {
    const key = `${name}_${size}`;
    // Recorded under the tenant that the statement's own conditions name.
    if (!known.has(key)) known.set(key, runAs(null, servicePrincipal(tenantId, 'bench'), () => statementOf(key, send, isOf)));
    return known.get(key);
  };
  const facts = { actorType: 'service', actorId: null, actorName: 'bench', requestId: null, ip: null, userAgent: null };
  const some = (size, of) => Array.from({ length: size }, (_, i) => of(i));
  const isNow = (value) => value instanceof Date;
  const isRows = (value) => typeof value === 'string' && value.startsWith('[');
  const draft = runAs(null, servicePrincipal(tenantId, 'bench'), () => draftOf({ title: 'bench', type: 'bench', input: INPUT }, new Date()));
  const entry = entryOf(draft);
  return {
    async claim(agentId, size, turn) {
      const now = new Date();
      const slots = some(size, (i) => ({ n: i + 1, agentId, leaseSeconds: LEASE_MS / 1000, leaseExpiresAt: new Date(now.getTime() + LEASE_MS), attemptId: v7(), entryId: v7(), ...facts }));
      const marked = { agentId: v7(), turn: 0.4711 };
      const query = await prepared('claim', size, (db) => claimTasks(db, { ...marked, queues: null, slots, now }, false), {
        agentId: (value) => value === marked.agentId, turn: (value) => value === marked.turn, rows: isRows, now: isNow,
      });
      return query({ agentId, turn, rows: JSON.stringify(slots), now });
    },
    async complete(claimed) {
      const writes = claimed.map((row, n) => ({ n, taskId: row.id, fencingToken: Number(row.fencing_token), entryId: v7(), ...facts }));
      const query = await prepared('complete', claimed.length, (db) => completeTasks(db, writes, new Date(), false), { rows: isRows, now: isNow });
      return query({ rows: JSON.stringify(writes), now: new Date() });
    },
    async insert(size) {
      const now = new Date();
      const drafts = some(size, () => ({ ...draft, id: v7(), entry, entry_id: v7(), created_at: now, updated_at: now }));
      const query = await prepared('insert', size, (db) => insertTasks(db, drafts, now), { rows: isRows, now: isNow });
      return query({ rows: JSON.stringify(drafts), now });
    },
  };
}
