import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Database, kernelDomain, entitiesOf } from '@agent-hive/kernel';
import { testEngine } from '@agent-hive/kernel/testing';
import { fakeServer, type Answer } from './fake-server.js';
import { cleanUp, emptyDatabase, freePort, freshDirectory, freshServerDatabase, onServer, runHive, temporaryDirectory, type Env } from './world.js';

/** Starts what must not start; returns its one message. */
async function refusal(env: Env): Promise<string> {
  const { code, out, err } = await runHive(['start'], env);
  expect([code, out]).toEqual([1, '']);
  expect(err).not.toMatch(/^ +at /m);
  const message = err.split('\n').filter((line) => line !== '' && !/^(Opening|Migrating) /.test(line));
  expect(message[0]).toMatch(/^hive: /);
  return message.join('\n').slice('hive: '.length);
}

describe('a hive that cannot start says why, in one message, and exits with 1:', () => {
  afterEach(() => cleanUp());

  it('a configuration with wrong values', async () => {
    expect(await refusal({ PORT: 'http', HIVE_ADMIN_KEY: 'short', HIVE_POOL_MAX: '50' })).toBe(
      [
        'The configuration is not valid:',
        '  PORT="http" must be a whole number from 0 to 65535',
        '  HIVE_POOL_MAX="50" must be a whole number from 1 to 49',
        '  HIVE_ADMIN_KEY=*** must be 32 printable characters or more, without spaces',
        'All keys: docs/configuration.md',
      ].join('\n'),
    );
  });

  it('a data directory that is a file', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    expect(await refusal({ HIVE_DATA_DIR: file })).toContain(`Cannot write the data directory ${file}`);
  });

  it('a data directory in which nobody can make one, at once', async () => {
    expect(await refusal({ HIVE_DATA_DIR: '/proc/hive' })).toMatch(/^Cannot write the data directory \/proc\/hive: .* Choose another HIVE_DATA_DIR$/);
  });

  it('addresses and directories that are none', async () => {
    expect(await refusal({ HOST: '300.1.1.1', HIVE_DATA_DIR: ' ' })).toBe(
      ['The configuration is not valid:', '  HOST="300.1.1.1" must be an address or a host name', '  HIVE_DATA_DIR=" " must be a directory, or `memory://`', 'All keys: docs/configuration.md'].join('\n'),
    );
    expect(await refusal({ HIVE_DATA_DIR: 'file:///x' })).toContain('HIVE_DATA_DIR="file:///x" must be a directory, or `memory://`');
  });

  it('a certificate that cannot be read, by its parameter and path', async () => {
    expect(await refusal({ DATABASE_URL: 'postgres://hive@db/hive?sslmode=verify-full&sslrootcert=/no/such.pem' })).toMatch(
      /^Cannot reach PostgreSQL at hive@db:5432\/hive \(DATABASE_URL\): sslrootcert=\/no\/such\.pem cannot be read: ENOENT: no such file/,
    );
  });

  it('a server that does not answer, by host and port, never by password', async () => {
    const port = await freePort();
    const message = await refusal({ DATABASE_URL: `postgres://hive:hunter2@127.0.0.1:${port}/hive` });
    expect(message).toBe(`Cannot reach PostgreSQL at hive@127.0.0.1:${port}/hive (DATABASE_URL): nothing listens there. Is the server running?`);
  });

  it('a host that does not exist', async () => {
    expect(await refusal({ DATABASE_URL: 'postgres://hive:hunter2@no-such-host.invalid/hive' })).toMatch(/^Cannot reach PostgreSQL at hive@no-such-host.invalid:5432\/hive \(DATABASE_URL\): (no such host|the name cannot be resolved now)\.$/);
  });

  it('a server that is too old', async () => {
    const old = await fakeServer([version('140012', '14.12')]);
    expect(await refusal({ DATABASE_URL: old.url })).toBe('PostgreSQL 14.12 is too old: Agent Hive needs 15 or newer');
    await old.close();
  });

  it('a server without pgvector', async () => {
    const bare = await fakeServer([
      version('170002', '17.2'),
      { to: /create extension if not exists vector/, error: { code: '0A000', message: 'extension "vector" is not available' } },
      { to: /to_regclass/, row: { exists: '' } },
    ]);
    const message = await refusal({ DATABASE_URL: bare.url });
    expect(message).toContain('create extension vector failed: extension "vector" is not available. The server lacks pgvector: install it');
    await bare.close();
  });

  it('an address that is not of this machine', async () => {
    expect(await refusal({ ...(await freshDirectory()), HOST: '192.0.2.1' })).toBe('HOST=192.0.2.1 is no address of this machine');
  });

  it('a migration that fails: which one, why, and that nothing of it was applied', async () => {
    const env = await emptyDatabase();
    expect((await runHive(['migrate', '--domain', 'kernel'], env)).code).toBe(0);
    await run(env, 'create table audit.entry (x int)');
    expect(await refusal(env)).toMatch(/^Migration audit\/Migration\d{14}_entries failed going up, and nothing of it was applied: .*relation "entry" already exists/);
    const { out } = await runHive(['migrate', '--status', '--domain', 'audit'], env);
    expect(out).toContain('pending');
  });

  it('a database that lacks migrations, where starting must not migrate', async () => {
    expect(await refusal({ ...(await emptyDatabase()), HIVE_AUTO_MIGRATE: 'false' })).toMatch(/^The database lacks migrations, kernel\/Migration\d+_kernel_tables first of \d+, and HIVE_AUTO_MIGRATE is false: run `hive migrate`$/);
  });

  if (testEngine() === 'server') {
    it('a login that bypasses row level security', async () => {
      expect(await refusal({ DATABASE_URL: await freshServerDatabase() })).toMatch(/which bypasses row level security\. Use a login that is a member of hive_app/);
    });

    it('a login that is no member of hive_app', async () => {
      const url = new URL(await freshServerDatabase());
      const role = `hive_test_${url.pathname.slice(-8)}`;
      await runHive(['migrate'], { DATABASE_URL: url.href });
      await onServer((client) => client.query(`create role ${role} login password 'pw'`));
      const migrationUrl = url.href;
      url.username = role;
      url.password = 'pw';
      try {
        expect(await refusal({ DATABASE_URL: url.href, DATABASE_MIGRATION_URL: migrationUrl })).toBe(`DATABASE_URL logs in as ${role}, which is no member of hive_app: grant hive_app to ${role}`);
      } finally {
        await onServer((client) => client.query(`drop role ${role}`));
      }
    });

    it('a database that does not exist', async () => {
      const url = new URL(process.env.HIVE_TEST_DATABASE_URL!);
      url.pathname = '/no_such_database';
      expect(await refusal({ DATABASE_URL: url.href })).toContain('it has no such database: create it first.');
    });
  }
});

const version = (number: string, text: string): Answer => ({ to: /server_version_num/, row: { version: number, text } });

/** Does by hand what nobody should. */
async function run(env: Env, statement: string): Promise<void> {
  if (env.DATABASE_URL) return onServer((client) => client.query(statement), env.DATABASE_URL);
  const database = await Database.open({ engine: 'embedded', dataDir: env.HIVE_DATA_DIR! });
  await database.execute(await database.orm({ entities: entitiesOf([kernelDomain]), login: 'app' }), statement);
  await database.close();
}
