import { built } from './built.js';
import { onServer } from './servers.js';
import { openHiveHere } from './tasks-world.js';

const { runAs, servicePrincipal } = await built('packages/kernel/dist/index.js');
const { SearchService } = await built('packages/knowledge/dist/index.js');

/** The hive's own search by its service: tenant, rights, items with their places, titles and excerpts. The best chunk of each item is in the answer. */
export async function open({ url, world }) {
  const hive = await openHiveHere(url, world.key, 2);
  const searches = hive.app.get(SearchService, { strict: false });
  const numbers = new Map(await onServer(url, async (client) => (await client.query('select id, n from bench.chunk')).rows.map(({ id, n }) => [id, n])));
  const caller = servicePrincipal(world.tenantId, 'bench');
  return {
    search: async (embedding, { cluster, part }) => {
      const { items } = await runAs(hive.orm.em, caller, () => searches.search({ query: 'chunk', mode: 'vector', model: world.model, embedding, limit: 10, ...(cluster && { category: cluster }), ...(part && { tags: [part] }) }));
      return items.map((item) => numbers.get(item.place.chunkId));
    },
    close: () => hive.close(),
  };
}
