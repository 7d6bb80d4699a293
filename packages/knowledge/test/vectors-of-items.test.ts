import { migrate } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { SearchResultDto } from '../src/search/search.dto.js';
import { aDocument, aMemory, embedAll, found, knowledgeApp } from './world.js';

describe('the migration by which vectors say what they are of', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await knowledgeApp();
  });
  afterAll(() => hive.close());

  it('tells it of the vectors that there are, of every tenant, and takes it back without losing one', async () => {
    const tenants = [principal(), principal()];
    const items: { as: (typeof tenants)[number]; kind: string; id: string }[] = [];
    for (const as of tenants) {
      items.push({ as, kind: 'document', id: (await aDocument(hive, { content: 'Bees dance to tell the way.' }, { as })).id });
      items.push({ as, kind: 'memory', id: (await aMemory(hive, { content: 'Bees dance in the dark.' }, { as })).id });
      await embedAll(hive, { as });
    }
    const told = () => hive.database.execute<{ item_kind: string; item_id: string }>(hive.orm, 'select distinct item_kind, item_id from knowledge.embedding');
    const vectors = () => hive.database.execute(hive.orm, 'select chunk_id, model_id, embedding::text as embedding from knowledge.embedding order by chunk_id');
    const expected = items.map(({ kind, id }) => ({ item_kind: kind, item_id: id }));
    const nearest = async () => Promise.all(tenants.map(async (as) => found((await hive.post<SearchResultDto>('/v1/knowledge/search', { query: 'dancing bees', mode: 'vector' }, { as })).body).sort()));
    const own = tenants.map((as) => items.filter((item) => item.as === as).map(({ id }) => id).sort());
    const before = await vectors();
    expect(before).toHaveLength(4);
    expect([await nearest(), await told()]).toEqual([own, expect.arrayContaining(expected)]);

    await migrate(hive.database, hive.domains, { direction: 'down', domain: 'knowledge', to: 'Migration20261125010000_nearest' });
    expect([await nearest(), await vectors()]).toEqual([own, before]);
    await migrate(hive.database, hive.domains);
    expect([await nearest(), await vectors(), await told()]).toEqual([own, before, expect.arrayContaining(expected)]);
  });
});
