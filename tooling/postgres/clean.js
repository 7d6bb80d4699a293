/**
 * Drops the databases that test runs left on the server: templates (hive_test_template_*), which the next run makes anew, and
 * the clones of runs that were killed. Spares what is younger than an hour or in use.
 *
 *   HIVE_TEST_DATABASE_URL=$(node tooling/postgres/server.js) node tooling/postgres/clean.js
 */
import pg from 'pg';
import { dropStale } from './stale-databases.js';

const url = process.env.HIVE_TEST_DATABASE_URL;
if (!url) {
  console.error('Name the server: HIVE_TEST_DATABASE_URL=$(node tooling/postgres/server.js) node tooling/postgres/clean.js');
  process.exit(1);
}
const client = new pg.Client({ connectionString: url });
await client.connect();
try {
  const dropped = await dropStale(client, { prefix: 'hive_test_', minAgeSeconds: 3600 });
  console.log(dropped.length === 0 ? 'nothing to drop' : `dropped ${dropped.join(', ')}`);
} finally {
  await client.end();
}
