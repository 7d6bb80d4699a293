import { sql } from 'kysely';
import pg from 'pg';
import { v7, validate } from 'uuid';
import { built } from './built.js';
import { onServer, vacuum } from './servers.js';
import { inLoops } from './tasks-loops.js';
import { statementOf } from './tasks-statements.js';

const { runAs, servicePrincipal } = await built('packages/kernel/dist/index.js');
const { PLANNER, sessionStatements } = await built('packages/kernel/dist/engine/session.js');
const { insertEntry } = await built('packages/audit/dist/index.js');

const STATE = { title: 'bench', type: 'bench', status: 'ready', queue: 'default', priority: 'normal' };

/** What the ways of writing an entry need, besides the hive's own tables. */
const SCRATCH = (tenantId) => `
  drop table if exists bench.pending, bench.head;
  create table bench.pending (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id));
  create table bench.head (tenant_id uuid primary key, sequence bigint not null, hash bytea not null);
  insert into bench.head values ('${tenantId}', 0, sha256(''));
  grant usage on schema bench to hive_app;
  grant insert on bench.pending to hive_app;
  grant select, update on bench.head to hive_app`;

const TALLY = `
  select (select count(*) from audit.entry where id >= $1)::int as entries, (select count(*) from bench.pending where id >= $1)::int as pending,
         (select count(distinct new_state ->> 'sequence') from audit.entry where id >= $1 and new_state ? 'hash')::int as links`;

/**
 * Ways to write an entry of the record by hand, each one statement in a transaction of its own, sent at once with BEGIN and COMMIT:
 * alone; with a row of a table of entries that wait for their sealing; and with a hash over itself and the entry before, for
 * which all writers of a tenant lock one row until they have committed. The last two are given all that makes them cheap: no row
 * security on their tables, nobody who empties the first, and no column of its own for the hash.
 */
export async function open({ url, poolMax, world: { tenantId } }) {
  await onServer(url, (client) => client.query(SCRATCH(tenantId)));
  const pool = new pg.Pool({ connectionString: url, max: poolMax, pipeline: true });
  const BEGIN = ['begin', ...sessionStatements({ role: 'hive_app', variables: { 'app.tenant_id': tenantId } }), ...PLANNER.map((setting) => `set local ${setting}`)].join('; ');
  const inTenant = async (query) => {
    const client = await pool.connect();
    try {
      const [, { rowCount }] = await Promise.all([client.query(BEGIN), client.query(query), client.query('commit')]);
      return rowCount;
    } finally {
      client.release();
    }
  };
  const statements = await statementsOf(tenantId);
  const sampleOf = (name) => ({ loops, seconds }) => inLoops(loops, seconds, () => inTenant(statements[name]({ id: v7(), subject: v7(), now: new Date() })));
  return {
    fill: async () => {
      await onServer(url, (client) => client.query('truncate audit.entry, bench.pending'));
      await vacuum(url, 'audit.entry', 'bench.pending', 'bench.head');
      await onServer(url, (client) => client.query('checkpoint'));
    },
    entry: sampleOf('entry'),
    pending: sampleOf('pending'),
    chain: sampleOf('chain'),
    tally: (since) =>
      onServer(url, async (client) => {
        const { rows: [row] } = await client.query(TALLY, [`${since.getTime().toString(16).padStart(12, '0')}70008000000000000000`]);
        return row;
      }),
    close: () => pool.end(),
  };
}

/** The statements by name. Each takes `id` and `subject`, UUIDs, and `now`. */
function statementsOf(tenantId) {
  const subject = v7();
  const entry = { action: 'task.created', subjectType: 'task', subjectId: subject, newState: STATE };
  const state = JSON.stringify(STATE);
  const changing = { id: (value) => validate(value) && value !== tenantId && value !== subject, subject: (value) => value === subject, now: (value) => value instanceof Date };
  return runAs(null, servicePrincipal(tenantId, 'bench'), async () => ({
    entry: await statementOf('entry', (db) => sql`${insertEntry(entry)}`.execute(db), changing),
    pending: await statementOf('pending', (db) => sql`with e as (${insertEntry(entry)} returning tenant_id, id) insert into bench.pending (tenant_id, id) select tenant_id, id from e`.execute(db), changing),
    chain: await statementOf('chain', (db) => sql`
      with head as (
        update bench.head h set sequence = h.sequence + 1, hash = sha256(h.hash || convert_to(${subject}::text || ${state}::text, 'UTF8')) where h.tenant_id = ${tenantId}::uuid returning h.sequence, h.hash
      ) ${insertEntry(entry, 'head', { newState: sql`${state}::jsonb || jsonb_build_object('sequence', head.sequence, 'hash', encode(head.hash, 'hex'))` })}`.execute(db), changing),
  }));
}
