import pg from 'pg';
import { v7, validate } from 'uuid';
import { built } from './built.js';
import { messageWork } from './messages-loops.js';
import { LATEST, MESSAGE, messagesOf } from './messages-world.js';
import { statementOf } from './tasks-statements.js';

const { runAs, servicePrincipal } = await built('packages/kernel/dist/index.js');
const { appendMessages } = await built('packages/communication/dist/message/message-append.sql.js');
const { selectStretch } = await built('packages/communication/dist/message/message.sql.js');
const { draftOf } = await built('packages/communication/dist/message/new-message.js');

const MAX_BYTES = 1024 * 1024;

/**
 * The limit: the service's own statements, so the same rows, sent through pg as named prepared statements, each in a
 * transaction of its own with role and tenant set. No service, no validation. It waits for the answer to each message as one
 * does by hand or, `pipelined`, sends the three of a transaction at once.
 */
export async function open({ url, poolMax, world, crowd, pipelined = false }) {
  const pool = new pg.Pool({ connectionString: url, max: poolMax, pipeline: pipelined });
  const BEGIN = `begin; set local role hive_app; set local app.tenant_id = '${world.tenantId}'`;
  const inTenant = async (query) => {
    const client = await pool.connect();
    try {
      if (pipelined) return (await Promise.all([client.query(BEGIN), client.query(query), client.query('commit')]))[1].rows;
      await client.query(BEGIN);
      const { rows } = await client.query(query);
      await client.query('commit');
      return rows;
    } finally {
      client.release();
    }
  };
  const asTenant = (work) => runAs(null, servicePrincipal(world.tenantId, 'bench'), work);
  const marked = { session: v7(), now: new Date(), draft: null };
  marked.draft = asTenant(() => draftOf([MESSAGE], MAX_BYTES, marked.now, () => ''));
  const known = [world.tenantId, marked.session, marked.draft.messages[0].id];
  const append = await asTenant(() =>
    statementOf('append', (db) => appendMessages(db, marked.session, marked.draft, marked.now), {
      session: (value) => value === marked.session, id: (value) => value === marked.draft.messages[0].id, now: (value) => value instanceof Date,
      entry: (value) => validate(value) && !known.includes(value),
    }),
  );
  const range = { before: null, after: null, parentId: null, order: 'newest', limit: LATEST + 1, maxBytes: 4 * MAX_BYTES };
  const latest = await asTenant(() => statementOf('latest', (db) => selectStretch(db, marked.session, range), { session: (value) => value === marked.session }));
  return messageWork({
    ...messagesOf(url, crowd),
    latestCount: LATEST + 1,
    append: (session) => inTenant(append({ session, id: v7(), entry: v7(), now: new Date() })),
    latest: async (session) => (await inTenant(latest({ session }))).length,
    close: () => pool.end(),
  });
}
