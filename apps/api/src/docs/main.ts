import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Database, entitiesOf, withUpstream } from '@agent-hive/kernel';
import { readConfig } from '../config/config.js';
import { domains } from '../domains.js';
import { createApp } from '../server/hive.js';
import { createLogger } from '../server/logger.js';

/*
 * openapi            writes openapi.json at the root of the repository
 * openapi --check    exits 1 when openapi.json is not what the code says
 *
 * Nothing connects to a database: the document comes from the controllers.
 */
const FILE = fileURLToPath(new URL('../../../../openapi.json', import.meta.url));

const { config } = readConfig({ HIVE_ENV: 'local', LOG_LEVEL: 'error' });
const database = await Database.open({ engine: 'server', url: 'postgres://nobody@localhost/none', poolMin: 0 });
const orm = await database.orm({ entities: entitiesOf(withUpstream(...domains)), login: 'app' });
const app = await createApp({ config, database, orm, adminKey: 'of nobody' }, createLogger(config));
await app.init();
const answer = await app.inject('/openapi.json');
const text = `${JSON.stringify(answer.json(), null, 2)}\n`;
await app.close();
await database.close();

if (process.argv.includes('--check')) {
  const committed = readFileSync(FILE, 'utf8');
  if (committed !== text) {
    process.stderr.write('openapi.json is not what the code says; run: pnpm --filter @agent-hive/api openapi, and commit it\n');
    process.exit(1);
  }
  process.stdout.write('openapi.json agrees with the code\n');
} else {
  writeFileSync(FILE, text);
  process.stdout.write(`wrote ${FILE}\n`);
}
