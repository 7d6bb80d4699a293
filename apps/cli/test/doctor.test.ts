import { readFileSync, writeFileSync } from 'node:fs';
import { Database, entitiesOf, kernelDomain } from '@agent-hive/kernel';
import { testEngine } from '@agent-hive/kernel/testing';
import { cleanUp, copyOf, endOf, freePort, freshDatabase, freshDirectory, mark, noDirectory, onServer, runHive, serve, type Env } from './world.js';

interface Finding {
  check: string;
  status: string;
  detail: string;
}

/** Changes a database by hand, as its superuser, past the migrations. */
async function tamper(env: Env, statement: string): Promise<void> {
  if (env.DATABASE_URL) return onServer((client) => client.query(statement), env.DATABASE_URL);
  const database = await Database.open({ engine: 'embedded', dataDir: env.HIVE_DATA_DIR! });
  await database.execute(await database.orm({ entities: entitiesOf([kernelDomain]), login: 'app' }), statement);
  await database.close();
}

const examine = async (env: Env, how = runHive) => {
  const { code, out } = await how(['doctor', '--json'], env);
  const findings = JSON.parse(out) as Finding[];
  expect(code).toBe(findings.some((f) => f.status === 'fail') ? 1 : 0);
  return Object.fromEntries(findings.map(({ check, status, detail }) => [check, `${status}: ${detail}`]));
};

describe('hive doctor [S5.69, S4.108]', () => {
  let migrated: Env;
  let kept: number;
  let env: Env;
  beforeAll(async () => {
    migrated = await freshDatabase();
    await runHive(['migrate'], migrated);
    kept = mark();
  });
  beforeEach(async () => {
    env = await copyOf(migrated);
  });
  afterEach(() => cleanUp(kept));
  afterAll(() => cleanUp());

  it('finds a migrated database well, by every check', async () => {
    expect(await examine(env)).toMatchObject({
      configuration: 'ok: valid',
      engine: expect.stringMatching(/^ok: .*PostgreSQL 1[5-8]/),
      extensions: expect.stringMatching(/^ok: vector \d.*pg_trgm.*unaccent.*btree_gin/),
      migrations: 'ok: none pending',
      drift: 'ok: the live catalogue is what the migrations give',
      isolation: expect.stringMatching(/^ok: row level security is forced on all \d+ tables of tenants$/),
      partitions: 'ok: 3 months ahead',
      pool: expect.stringMatching(/^ok: /),
      autovacuum: expect.stringMatching(testEngine() === 'server' ? /^(ok: on$|warn: off: )/ : /^ok: a job of the running hive/),
      login: expect.stringMatching(testEngine() === 'server' ? /^warn: .*HIVE_ALLOW_SUPERUSER/ : /^ok: /),
    });
  });

  it('shows the same to people, and says in the end how it is', async () => {
    const { code, out } = await runHive(['doctor'], env);
    expect(code).toBe(0);
    expect(out).toMatch(/^ok +migrations +none pending$/m);
    expect(out.trimEnd().split('\n').at(-1)).toBe('All is well');
  });

  it.each([
    ['a column that no migration made', 'alter table identity.project add column colour text', { drift: expect.stringContaining('fail: 1 differences, such as not of any migration: table identity.project columns colour: text') }],
    ['an index that somebody dropped', 'drop index identity.project_state_project_index', { drift: expect.stringContaining('missing: table identity.project_state indexes project_state_project_index') }],
    ['row level security that is off', 'alter table identity.project no force row level security', { isolation: 'fail: row level security is not forced on identity.project' }],
    ['a function that was changed', `create or replace function kernel.id_floor(at timestamptz) returns uuid language sql immutable strict as $$ select null::uuid $$`, { drift: expect.stringContaining('changed: function kernel.id_floor') }],
    ['a right too many', 'grant update on audit.entry to hive_app', { drift: expect.stringContaining('table audit.entry grants hive_app') }],
  ])('finds %s', async (_, statement, finding) => {
    await tamper(env, statement);
    expect(await examine(env)).toMatchObject(finding);
    const schema = await runHive(['schema'], env);
    expect([schema.code, schema.out.includes('Drift:\n')]).toEqual([1, true]);
  });

  it('finds what is pending, and says what to do', async () => {
    await runHive(['migrate', '--down'], env);
    const findings = await examine(env);
    expect(findings.migrations).toMatch(/^fail: 1 pending: \w+\/Migration\w+; run: hive migrate$/);
    expect(findings.drift).toBeUndefined();
  });

  it('finds a month that is missing', async () => {
    await tamper(env, `do $$ declare child text; begin select max(inhrelid::regclass::text) into child from pg_inherits where inhparent = 'audit.entry'::regclass; execute 'drop table ' || child; end $$`);
    expect((await examine(env)).partitions).toMatch(/^warn: the next month is there; missing later: audit\.entry_\d{6}$/);
  });
});

describe('hive doctor elsewhere', () => {
  afterEach(() => cleanUp());

  it('says that there is no database yet, and makes none', async () => {
    const env = noDirectory();
    expect((await examine(env)).engine).toMatch(/^warn: no database in .* yet/);
    expect((await examine(env)).engine).toMatch(/^warn: no database in .* yet/);
  });

  it('asks the running server that holds the directory', async () => {
    const env = await freshDirectory();
    const hive = await serve(env);
    expect(await examine(env)).toMatchObject({ engine: expect.stringContaining(`ok: held by the server at ${hive.url}`), database: 'ok: answers', migrations: 'ok: none pending' });
    await hive.stop();
  });

  it('does not take what a killed server left behind for the one that runs', async () => {
    const env = await freshDirectory();
    const killed = await serve(env);
    const left = readFileSync(`${env.HIVE_DATA_DIR}/hive.json`, 'utf8');
    killed.child.kill('SIGKILL');
    await killed.exited;
    const hive = await serve(env);
    const { pid } = JSON.parse(readFileSync(`${env.HIVE_DATA_DIR}/hive.json`, 'utf8')) as { pid: number };
    // In containers, both have the same pid.
    for (const stale of [left, JSON.stringify({ ...(JSON.parse(left) as object), pid })]) {
      writeFileSync(`${env.HIVE_DATA_DIR}/hive.json`, stale);
      expect((await examine(env)).engine).toContain(`warn: The data directory ${env.HIVE_DATA_DIR} is in use by process ${pid}`);
      expect(await runHive(['keys', 'list'], env)).toMatchObject({ code: 1, err: expect.stringContaining(`is in use by process ${pid}`) });
    }
    await hive.stop();
  });

  it('fails where the server that holds the directory does not answer', async () => {
    const env = await freshDirectory();
    const hive = await serve(env);
    const file = `${env.HIVE_DATA_DIR}/hive.json`;
    writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), url: `http://127.0.0.1:${await freePort()}` }));
    expect((await examine(env, endOf)).engine).toMatch(/^fail: held by the server at http:\/\/127\.0\.0\.1:\d+ \(process \d+\), which does not answer: .*ECONNREFUSED/);
    await hive.stop();
  });

  it('fails on a server that is out of reach and on a configuration that is wrong', async () => {
    expect((await examine({ DATABASE_URL: `postgres://hive:hunter2@127.0.0.1:${await freePort()}/hive` })).engine).toMatch(/^fail: Cannot reach PostgreSQL at hive@127/);
    expect((await examine({ PORT: 'x' })).configuration).toContain('PORT="x" must be a whole number');
  });
});

if (testEngine() === 'server') {
  describe('hive doctor with read replicas', () => {
    afterEach(() => cleanUp());

    it('looks at each: one that follows nothing, and one that is out of reach, which fails', async () => {
      const env = await freshDatabase();
      await runHive(['migrate'], env);
      const dead = await freePort();
      const findings = await examine({ ...env, DATABASE_REPLICA_URLS: `${env.DATABASE_URL},postgres://hive:hunter2@127.0.0.1:${dead}/hive` });
      expect(findings['replica 1']).toMatch(/^warn: .*\/hive_test_\w+ follows no primary/);
      expect(findings['replica 2']).toBe(`fail: Cannot reach PostgreSQL at hive@127.0.0.1:${dead}/hive (DATABASE_REPLICA_URLS): nothing listens there. Is the server running?`);
    });
  });
}

describe('hive schema [S4.115, S4.157]', () => {
  afterEach(() => cleanUp());

  it('shows the version of every domain: checksum, who, when, how long', async () => {
    const env = await freshDatabase();
    await runHive(['migrate'], env);
    const { code, out } = await runHive(['schema', '--json'], env);
    const { domains, drift } = JSON.parse(out) as { domains: { domain: string; executed: object[] }[]; drift: string[] };
    expect([code, drift]).toEqual([0, []]);
    expect(domains.map((d) => d.domain)).toEqual(expect.arrayContaining(['kernel', 'audit', 'identity']));
    for (const { executed } of domains) {
      for (const step of executed) expect(step).toEqual({ migration: expect.any(String), checksum: expect.stringMatching(/^[0-9a-f]{64}$/), appliedBy: expect.stringContaining('@'), appliedAt: expect.stringMatching(/Z$/), durationMs: expect.any(Number) });
    }
  });
});
