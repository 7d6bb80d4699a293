import { randomBytes } from 'node:crypto';
import { BENCH_SCHEMA, callerOf, copyRows } from './seeds.js';
import { onServer, vacuum } from './servers.js';
import { openHiveHere } from './tasks-world.js';

/** What each message says, in whoever keeps it: a paragraph. */
export const CONTENT = 'The invoice was paid on the third, and the refund of the shipping was agreed upon with the customer by telephone. '.repeat(3).trim();
export const MESSAGE = { role: 'user', content: CONTENT, tokensUsed: 70, modelUsed: 'bench-1' };
/** How many messages a reader asks for. */
export const LATEST = 50;

/** Messages that lie there before anything is measured: so many sessions with so many each. */
export const CROWDS = { small: { sessions: 1, each: 10_000 }, large: { sessions: 1_000, each: 1_000 } };

const TABLES = ['communication.message', 'agents.session', 'audit.entry'];

/** Makes a database a hive, and keeps in schema `bench` one message to fill tables with. */
export async function makeMessageWorld(url) {
  const key = randomBytes(24).toString('base64url');
  const hive = await openHiveHere(url, key, 2);
  try {
    const call = callerOf(hive, key);
    const { tenantId } = await call('GET', '/v1/me');
    const { id } = await call('POST', '/v1/sessions', {});
    await call('POST', `/v1/sessions/${id}/messages`, MESSAGE);
    await onServer(url, (client) => client.query(SEEDS));
    return { key, tenantId };
  } finally {
    await hive.close();
  }
}

const SEEDS = `${BENCH_SCHEMA};
  create table bench.session as select * from agents.session;
  create table bench.message as select * from communication.message`;

/** The sessions of a hive as the bench fills and counts them. `crowd` tells how many lie there. */
export function messagesOf(url, { sessions, each }) {
  return {
    /** Leaves the crowd and a session without messages for each loop; answers the ids of both. */
    fill: async (loops) => {
      const ids = await onServer(url, async (client) => {
        await client.query('begin');
        await client.query(`truncate ${TABLES.join(', ')} cascade`);
        const message = (q) => `bench.id(1000000 + (g - 1)::bigint * ${each} + ${q})`;
        const ends = { last_sequence: each, first_message_id: message(1), last_message_id: message(each) };
        await copyRows(client, { table: 'agents.session', seed: 'bench.session', from: `generate_series(1, ${sessions}) g`, replaced: { id: 'bench.id(g)', ...ends } });
        const empty = { id: `bench.id(${sessions} + g)`, last_sequence: 0, first_message_id: 'null', last_message_id: 'null', tokens_used: 0 };
        await copyRows(client, { table: 'agents.session', seed: 'bench.session', from: `generate_series(1, ${loops}) g`, replaced: empty });
        // As they come in: the sessions take turns.
        const from = `(select g, q from generate_series(1, ${each}) q cross join generate_series(1, ${sessions}) g order by q, g) n`;
        await copyRows(client, { table: 'communication.message', seed: 'bench.message', from, replaced: { id: message('q'), session_id: 'bench.id(g)', sequence: 'q' } });
        const { rows } = await client.query('select id, last_sequence > 0 as is_full from agents.session order by id');
        await client.query('commit');
        return { full: rows.filter((row) => row.is_full).map((row) => row.id), empty: rows.filter((row) => !row.is_full).map((row) => row.id) };
      });
      await vacuum(url, ...TABLES);
      await onServer(url, (client) => client.query('checkpoint'));
      return ids;
    },
    /** Messages and entries that were written since then, found by their ids. */
    tally: (since) =>
      onServer(url, async (client) => {
        const { rows: [row] } = await client.query({
          text: `select (select count(*) from communication.message where id >= $1)::int as created, (select count(*) from audit.entry where id >= $1 and action = 'message.created')::int as "createdEntries"`,
          values: [`${since.getTime().toString(16).padStart(12, '0')}70008000000000000000`],
        });
        return row;
      }),
  };
}
