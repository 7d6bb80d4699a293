import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { testEngine } from '@agent-hive/kernel/testing';
import { cleanUp, endOf, freePort, freshDatabase, freshDirectory, runHive, serve, type Env } from './world.js';

const ADMIN_KEY = 'an-admin-key-of-the-tests-0123456789';
const opens = async (url: string, key: string) => (await fetch(`${url}/v1/audit/entries`, { headers: { authorization: `Bearer ${key}` } })).status;

const created = async (env: Env, ...args: string[]) => {
  const { code, out, err } = await runHive(['keys', 'create', ...args, '--json'], env);
  expect([code, err.split('\n').filter((line) => line.startsWith('hive:'))]).toEqual([0, []]);
  return JSON.parse(out) as { id: string; key: string; name: string; scopes: string[] };
};

describe('hive keys', () => {
  afterEach(() => cleanUp());

  it('makes, lists and revokes keys while the hive runs', async () => {
    const env = await freshDatabase();
    const hive = await serve(env);
    const key = await created(env, 'ci', '--scopes', 'audit:read,agents:read');
    expect(key).toMatchObject({ name: 'ci', scopes: ['audit:read', 'agents:read'], key: expect.stringMatching(/^hive_local_/) });
    expect(await opens(hive.url, key.key)).toBe(200);

    const listed = await runHive(['keys', 'list'], env);
    expect(listed.out).toMatch(new RegExp(`^${key.id} +ci +audit:read,agents:read +\\S+ +open$`, 'm'));
    expect(listed.out).not.toContain(key.key.split('_').slice(4).join('_'));

    expect((await runHive(['keys', 'revoke', key.id], env)).out).toBe(`Key ${key.id} is revoked\n`);
    expect(await opens(hive.url, key.key)).toBe(401);
    expect((await runHive(['keys', 'list'], env)).out).toMatch(new RegExp(`^${key.id} .* revoked `, 'm'));
    await hive.stop();
  });

  it('makes a key while the hive does not run, which opens it later', async () => {
    const env = await freshDatabase();
    await (await serve(env)).stop();
    const { code, out, err } = await runHive(['keys', 'create', 'later'], env);
    expect([code, out]).toEqual([0, expect.stringMatching(/^hive_local_\S+\n$/)]);
    expect(err).toContain('shown only this once');
    const hive = await serve(env);
    expect(await opens(hive.url, out.trim())).toBe(200);
    await hive.stop();
  });

  it('goes to the hive of HIVE_URL with HIVE_KEY', async () => {
    const hive = await serve({ ...(await freshDatabase()), HIVE_ADMIN_KEY: ADMIN_KEY });
    const env = { HIVE_URL: hive.url, HIVE_KEY: ADMIN_KEY };
    expect(await opens(hive.url, (await created(env, 'far')).key)).toBe(200);
    await hive.stop();
  });

  it.each([[['keys', 'list']], [['audit', 'export']]])('says in a sentence that the connection broke while the answer was read: hive %j', async (command) => {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1_000 });
      response.write('{"items":\n', () => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const { code, err } = await runHive(command, { HIVE_URL: url, HIVE_KEY: 'x' });
      expect([code, err]).toEqual([1, expect.stringMatching(new RegExp(`^hive: Cannot reach the hive at ${url}: \\S.*\n$`))]);
    } finally {
      server.close();
    }
  });

  it('says in a sentence what it lacks', async () => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    const unreachable = await endOf(['keys', 'list'], { HIVE_URL: dead, HIVE_KEY: 'x' });
    expect([unreachable.code, unreachable.err]).toEqual([1, expect.stringMatching(new RegExp(`^hive: Cannot reach the hive at ${dead}: .*ECONNREFUSED`))]);
    const keyless = await runHive(['keys', 'list'], { HIVE_URL: dead });
    expect([keyless.code, keyless.err]).toEqual([1, expect.stringContaining('needs a key: set HIVE_KEY')]);

    const env = await freshDatabase();
    const unknown = await runHive(['keys', 'revoke', '01997b2e-0000-7000-8000-000000000000'], env);
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining('01997b2e-0000-7000-8000-000000000000 (404 not-found)')]);
    const wrong = await runHive(['keys', 'create', 'x', '--scopes', 'everything:all'], env);
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('(422 ')]);
  });

  if (testEngine() === 'embedded') {
    it('asks for HIVE_ADMIN_KEY where the running server was given one', async () => {
      const env = await freshDirectory();
      const hive = await serve({ ...env, HIVE_ADMIN_KEY: ADMIN_KEY });
      const refused = await runHive(['keys', 'list'], env);
      expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('HIVE_ADMIN_KEY to the one it was started with')]);
      expect((await runHive(['keys', 'list'], { ...env, HIVE_ADMIN_KEY: ADMIN_KEY })).code).toBe(0);
      await hive.stop();
    });
  }
});

describe('hive demo', () => {
  afterEach(() => cleanUp());

  it('fills a tenant of its own, the same every time, once', async () => {
    const demo = async () => {
      const env = await freshDatabase();
      const { code, out } = await runHive(['demo', '--json'], env);
      expect(code).toBe(0);
      const { tenant, key, made } = JSON.parse(out) as { tenant: { slug: string }; key: string; made: object };
      return { env, tenant, key, made: JSON.stringify(made).replace(/"[0-9a-f]{8}-[0-9a-f-]{27}"|"\d{4}-\d\d-\d\dT[^"]+"/g, '"..."') };
    };
    const [one, two] = [await demo(), await demo()];
    expect(one.tenant.slug).toBe('demo');
    expect(one.made).toEqual(two.made);

    const again = await runHive(['demo'], one.env);
    const another = testEngine() === 'server' ? 'another database of the server' : 'another data directory: HIVE_DATA_DIR=';
    expect([again.code, again.err]).toEqual([1, expect.stringContaining(`The tenant demo exists already. For a fresh one, use ${another}`)]);
    const hive = await serve({ ...one.env, HIVE_ADMIN_KEY: ADMIN_KEY });
    expect(await opens(hive.url, one.key)).toBe(200);
    const tasks = (await (await fetch(`${hive.url}/v1/tasks`, { headers: { authorization: `Bearer ${one.key}` } })).json()) as { items: { title: string; status: string }[] };
    expect(Object.fromEntries(tasks.items.map(({ title, status }) => [title, status]))).toEqual({
      'A checkout that people finish': 'waiting',
      'Compare three payment providers': 'completed',
      'Build the checkout': 'ready',
      'Review the checkout': 'blocked',
      'Import the old orders': 'failed',
    });
    const elsewhere = await runHive(['demo'], { HIVE_URL: hive.url, HIVE_KEY: ADMIN_KEY });
    expect([elsewhere.code, elsewhere.err]).toEqual([1, expect.stringContaining('use another hive: HIVE_URL and HIVE_KEY say which')]);
    await hive.stop();
  });
});
