import { testDatabase } from '@agent-hive/kernel/testing';
import { knowledgeDomain } from '../src/index.js';

it('has a schema of its own', async () => {
  const { database, orm, close } = await testDatabase([knowledgeDomain]);
  expect(await database.execute(orm, "select 1 as one from pg_namespace where nspname = 'knowledge'")).toEqual([{ one: 1 }]);
  await close();
});
