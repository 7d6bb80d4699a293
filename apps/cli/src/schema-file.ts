import { readFileSync, writeFileSync } from 'node:fs';
import { Database, entitiesOf, migrate, withUpstream } from '@agent-hive/kernel';
import { differences, dumpSchema, type Catalogue } from './catalogue.js';
import { domains } from './database.js';
import { SCHEMA_FILE } from './drift.js';

/*
 * schema            writes schema.json: the catalogue of a fresh database after all migrations
 * schema --check    exits 1 when schema.json is not that
 */
const database = await Database.open({ engine: 'embedded', dataDir: 'memory://' });
await migrate(database, domains);
const catalogue = await dumpSchema(await database.orm({ entities: entitiesOf(withUpstream(...domains)), login: 'app' }), domains);
await database.close();

if (process.argv.includes('--check')) {
  const found = differences(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as Catalogue, catalogue);
  for (const line of found) console.error(line);
  if (found.length > 0) {
    console.error('apps/cli/schema.json is not what the migrations give; run: pnpm --filter @agent-hive/cli run schema, and commit it');
    process.exit(1);
  }
  console.log('schema.json agrees with the migrations');
} else {
  writeFileSync(SCHEMA_FILE, `${JSON.stringify(catalogue, null, 2)}\n`);
  console.log(`wrote ${SCHEMA_FILE}`);
}
