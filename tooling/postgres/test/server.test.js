import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { candidates, isLocal, isPostgresUrl, redact, shortfalls } from '../requirements.js';

const capable = {
  versionNumber: 150_020,
  superuser: true,
  createDb: false,
  createRole: false,
  extensions: ['vector', 'pg_trgm', 'unaccent', 'btree_gin'].map((name) => ({ name, superuserOnly: name === 'vector' })),
};

test('tries the named server and no other', () => {
  assert.deepEqual(candidates({ HIVE_TEST_DATABASE_URL: 'postgres://a@b/c', DATABASE_URL: 'postgres://never@used/x' }, 'me'), ['postgres://a@b/c']);
});

test('tries the local server as postgres, then as the user of the operating system', () => {
  const at = '127.0.0.1:5432/postgres';
  assert.deepEqual(candidates({ DATABASE_URL: 'postgres://never@used/x' }, 'me'), [`postgres://postgres@${at}`, `postgres://me@${at}`]);
  assert.deepEqual(candidates({}, 'postgres'), [`postgres://postgres@${at}`]);
});

test('accepts a superuser of PostgreSQL 15 with every extension', () => {
  assert.deepEqual(shortfalls(capable), []);
});

test('names each thing that is missing', () => {
  const lacking = { ...capable, versionNumber: 140_010, superuser: false, extensions: capable.extensions.slice(0, 3) };
  const said = shortfalls(lacking).join('\n');
  for (const part of [/15 or newer/, /create databases/, /create roles/, /vector can only be created by a superuser/, /btree_gin is not available/]) {
    assert.match(said, part);
  }
});

test('knows a server of this host from another', () => {
  for (const host of ['127.0.0.1', 'localhost', '::1', '/run/postgresql']) assert.equal(isLocal(host), true, host);
  for (const host of ['db.example.com', '10.0.0.7']) assert.equal(isLocal(host), false, host);
});

test('takes nothing but a PostgreSQL URL for one', () => {
  for (const url of ['postgres://a@b/c', 'postgresql:///c?host=/run/postgresql']) assert.equal(isPostgresUrl(url), true, url);
  for (const url of ['mysql://a@b/c', 'hive', '']) assert.equal(isPostgresUrl(url), false, url);
});

test('keeps passwords out of diagnostics', () => {
  assert.equal(redact('postgres://me:s3cr:t@db:5432/x'), 'postgres://me:***@db:5432/x');
  assert.equal(redact('postgres://me@db/x?password=s3cret&ssl=1'), 'postgres://me@db/x?password=***&ssl=1');
  assert.equal(redact('postgres://me@db/x'), 'postgres://me@db/x');
});

test('exits 1 and prints no URL when the named server does not answer', () => {
  const server = fileURLToPath(new URL('../server.js', import.meta.url));
  const env = { ...process.env, HIVE_TEST_DATABASE_URL: 'postgres://me:s3cret@127.0.0.1:1/x' };
  const run = spawnSync(process.execPath, [server], { env, encoding: 'utf8' });
  assert.equal(run.status, 1);
  assert.equal(run.stdout, '');
  assert.match(run.stderr, /me:\*\*\*@127\.0\.0\.1:1\/x: no answer/);
  assert.doesNotMatch(run.stderr, /s3cret/);
});
