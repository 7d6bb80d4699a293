import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import pg from 'pg';
import { dropStale } from '../stale-databases.js';

const url = process.env.HIVE_TEST_DATABASE_URL;
const database = (name) => Object.assign(new URL(url), { pathname: `/${name}` }).href;

test('drops what is old enough and unused, and nothing else', { skip: url ? false : 'needs a server: HIVE_TEST_DATABASE_URL' }, async () => {
  const prefix = `hive_clean_${randomBytes(6).toString('hex')}_`;
  const client = new pg.Client({ connectionString: url });
  const user = new pg.Client({ connectionString: database(`${prefix}used`) });
  await client.connect();
  try {
    for (const name of ['idle', 'used']) await client.query(`create database ${prefix}${name}`);
    await user.connect();
    assert.deepEqual(await dropStale(client, { prefix, minAgeSeconds: 3600 }), [], 'too young');
    assert.deepEqual(await dropStale(client, { prefix, minAgeSeconds: 0 }), [`${prefix}idle`]);
    const left = await client.query('select datname from pg_database where starts_with(datname, $1)', [prefix]);
    assert.deepEqual(left.rows, [{ datname: `${prefix}used` }]);
  } finally {
    await user.end();
    await client.query(`drop database if exists ${prefix}idle`);
    await client.query(`drop database if exists ${prefix}used with (force)`);
    await client.end();
  }
});
