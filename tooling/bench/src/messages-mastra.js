import { randomUUID } from 'node:crypto';
import { PostgresStore } from '@mastra/pg';
import { messageWork } from './messages-loops.js';
import { CONTENT, LATEST } from './messages-world.js';
import { onServer, vacuum } from './servers.js';

const RESOURCE = 'bench';

/** The memory store of Mastra by its own calls: saveMessages() of one message, listMessages() of the newest in a thread. */
export async function open({ url, poolMax, crowd: { sessions, each } }) {
  const store = new PostgresStore({ id: 'bench', connectionString: url, max: poolMax });
  await store.init();
  const memory = await store.getStore('memory');
  const messageOf = (threadId) => ({ id: randomUUID(), threadId, resourceId: RESOURCE, role: 'user', type: 'v2', createdAt: new Date(), content: { format: 2, parts: [{ type: 'text', text: CONTENT }], content: CONTENT } });
  const threadOf = (id) => ({ id, resourceId: RESOURCE, title: 'bench', metadata: {}, createdAt: new Date(), updatedAt: new Date() });
  const page = { page: 0, perPage: LATEST, orderBy: { field: 'createdAt', direction: 'DESC' } };
  return messageWork({
    latestCount: LATEST,
    async fill(loops) {
      const [full, empty] = [sessions, loops].map((count) => Array.from({ length: count }, () => randomUUID()));
      for (const id of [...full, ...empty]) await memory.saveThread({ thread: threadOf(id) });
      await memory.saveMessages({ messages: [messageOf(full[0])] });
      await onServer(url, async (client) => {
        const { rows } = await client.query(`select quote_ident(attname) as name, attname in ('createdAt', 'createdAtZ') as is_moment from pg_attribute where attrelid = 'mastra_messages'::regclass and attnum > 0 and not attisdropped`);
        const value = ({ name, is_moment }) => (name === 'id' ? 'gen_random_uuid()::text' : name === 'thread_id' ? 't.id' : is_moment ? `s.${name} + q * interval '1 millisecond'` : `s.${name}`);
        await client.query(
          `insert into mastra_messages (${rows.map((row) => row.name).join(', ')}) select ${rows.map(value).join(', ')} from (select * from mastra_messages limit 1) s cross join generate_series(1, ${each}) q cross join unnest($1::text[]) t(id) order by q`,
          [full],
        );
      });
      await vacuum(url, 'mastra_messages');
      return { full, empty };
    },
    append: (threadId) => memory.saveMessages({ messages: [messageOf(threadId)] }),
    latest: async (threadId) => (await memory.listMessages({ threadId, ...page })).messages.length,
    tally: async () => ({}),
    close: () => store.close(),
  });
}
