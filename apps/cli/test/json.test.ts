import { cleanUp, freePort, freshDatabase, freshDirectory, runHive, spawnHive, type Env } from './world.js';

/** Every line as the object that it must be. */
const lines = (text: string) => text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);

describe('hive start --json', () => {
  afterEach(() => cleanUp());

  it('prints where it listens, with the key on the first start alone, and that it has stopped; nothing else', async () => {
    const env = { ...(await freshDatabase()), HIVE_POOL_MX: '3' };
    for (const first of [true, false]) {
      const hive = spawnHive(['start', '--json'], env);
      await hive.says(/"event":"ready".*\n/);
      const [ready] = lines(hive.out()) as [{ url: string; key?: string }];
      expect(ready).toMatchObject({ event: 'ready', version: expect.any(String), pid: hive.child.pid, url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), docs: `${ready.url}/docs`, database: expect.any(String), tookMs: expect.any(Number) });
      expect(ready.key).toEqual(first ? expect.stringMatching(/^hive_local_/) : undefined);
      expect((await fetch(`${ready.url}/readyz`)).status).toBe(200);
      hive.child.kill('SIGTERM');
      expect(await hive.exited).toBe(0);
      expect(lines(hive.out()).slice(1)).toEqual([{ event: 'stopped' }]);
      expect(lines(hive.err())).toContainEqual({ msg: 'Warning: Nothing reads HIVE_POOL_MX; did you mean HIVE_POOL_MAX?' });
    }
  });
});

describe('a command that fails with --json says why as one object on standard error', () => {
  afterEach(() => cleanUp());

  const failure = async (args: string[], env: Env) => {
    const { code, out, err } = await runHive([...args, '--json'], env);
    expect([args, out]).toEqual([args, '']);
    return { code, ...(lines(err).at(-1) as { error: { code: string; message: string } }) };
  };

  it.each([[['start']], [['migrate']], [['schema']], [['demo']], [['keys', 'list']], [['keys', 'create', 'ci']], [['keys', 'revoke', 'x']]])('hive %j, of a configuration with the keys that are broken', async (args) => {
    expect(await failure(args, { PORT: 'http' })).toEqual({
      code: 1,
      error: { code: 'config-invalid', message: expect.stringContaining('PORT="http" must be'), broken: [{ key: 'PORT', value: '"http"', allowed: 'a whole number from 0 to 65535' }] },
    });
  });

  it.each([
    [['fly'], "unknown command 'fly'"],
    [['start', '--fast'], "unknown option '--fast'"],
    [['migrate', '--steps', '0'], 'whole number from 1'],
    [['migrate', '--to', '0'], 'add --down'],
    [['keys', 'create'], "missing required argument 'name'"],
  ])('hive %j, which is wrong usage', async (args, message) => {
    expect(await failure(args, await freshDirectory())).toEqual({ code: 2, error: { code: 'usage', message: expect.stringContaining(message) } });
  });

  it('with the code of the problem, or of what stands in the way', async () => {
    expect(await failure(['start'], { HIVE_DATA_DIR: '/dev/null/hive' })).toMatchObject({ code: 1, error: { code: 'directory-unusable' } });
    expect(await failure(['start'], { DATABASE_URL: `postgres://hive:hunter2@127.0.0.1:${await freePort()}/hive` })).toMatchObject({ code: 1, error: { code: 'database-unfit', message: expect.not.stringContaining('hunter2') } });
    const env = await freshDatabase();
    expect(await failure(['migrate', '--to', 'nothing_like_it'], env)).toMatchObject({ code: 1, error: { code: 'migration-failed' } });
    expect(await failure(['keys', 'revoke', '01997b2e-0000-7000-8000-000000000000'], env)).toMatchObject({ code: 1, error: { code: 'not-found' } });
    expect(await failure(['keys', 'list'], { HIVE_URL: 'http://127.0.0.1:1' })).toMatchObject({ code: 1, error: { code: 'command-failed', message: expect.stringContaining('needs a key') } });
  });
});
