import { existsSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { testEngine } from '@agent-hive/kernel/testing';
import { busyPort, cleanUp, emptyDatabase, endOf, freshDatabase, freshDirectory, freshServerDatabase, loginOf, runHive, serve, temporaryDirectory, type Server } from './world.js';

const ADMIN_KEY = 'an-admin-key-of-the-tests-0123456789';
const statusOf = async (url: string, key?: string) => (await fetch(url, key ? { headers: { authorization: `Bearer ${key}` } } : {})).status;

describe('hive start', () => {
  afterEach(() => cleanUp());

  it('creates everything on the first start and shows one key, which opens the API; later starts say how to make another', async () => {
    const env = await emptyDatabase();
    const first = await serve(env);
    expect(first.out()).toContain(`  Docs     ${first.url}/docs`);
    expect(first.out().match(/hive_local_/g)).toHaveLength(1);
    expect(await statusOf(`${first.url}/v1/audit/entries`, first.key!)).toBe(200);
    expect(await statusOf(`${first.url}/v1/audit/entries`)).toBe(401);
    expect(await first.stop()).toBe(0);

    const second = await serve(env);
    expect(second.out()).not.toContain('hive_local_');
    expect(second.out()).toContain('pnpm hive keys create NAME');
    expect(await statusOf(`${second.url}/v1/audit/entries`, first.key!)).toBe(200);
    expect(await second.stop()).toBe(0);
  });

  it('never writes a key to the log', async () => {
    const hive = await serve({ ...(await freshDatabase()), HIVE_ADMIN_KEY: ADMIN_KEY, LOG_LEVEL: 'trace', HIVE_LOG_SQL: 'true' });
    await statusOf(`${hive.url}/v1/audit/entries`, ADMIN_KEY);
    await statusOf(`${hive.url}/v1/audit/entries`, hive.key!);
    await hive.stop();
    expect(hive.err()).toContain('"path":"/v1/audit/entries"');
    expect(hive.err()).not.toContain(ADMIN_KEY);
    expect(hive.err()).not.toContain(hive.key!.split('_').slice(4).join('_'));
  });

  it('logs JSON lines with the id of the request, and none below LOG_LEVEL', async () => {
    const env = await freshDatabase();
    const hive = await serve(env);
    await fetch(`${hive.url}/livez`, { headers: { 'x-request-id': 'mine-7' } });
    await hive.stop();
    const lines = hive.err().split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'info', requestId: 'mine-7', method: 'GET', path: '/livez', status: 200 }));
    const quiet = await serve({ ...env, LOG_LEVEL: 'warn' });
    await fetch(`${quiet.url}/livez`);
    await quiet.stop();
    expect(quiet.err()).toBe('');
  });

  it('logs every SQL statement with its duration when HIVE_LOG_SQL says so, hand-written ones too [S5.66, S5.73]', async () => {
    const hive = await serve({ ...(await freshDatabase()), HIVE_LOG_SQL: 'true', LOG_LEVEL: 'error' });
    await statusOf(`${hive.url}/v1/audit/entries?limit=7`, hive.key!);
    await hive.stop();
    const statements = hive.err().split('\n').filter((line) => line.includes('"sql":')).map((line) => JSON.parse(line) as { sql: string; durationMs: number });
    expect(statements).toContainEqual(expect.objectContaining({ sql: expect.stringMatching(/from audit\.entry where tenant_id = \$1 +order by id desc/), durationMs: expect.any(Number) }));
    expect(statements).toContainEqual(expect.objectContaining({ sql: expect.stringContaining('set local app.tenant_id') }));
  });

  it('takes the next port when its own is busy, and says so', async () => {
    const port = await busyPort();
    const hive = await serve({ ...(await freshDirectory()), PORT: String(port) });
    expect(Number(new URL(hive.url).port)).toBeGreaterThan(port);
    expect(hive.err()).toContain(`Port ${port} is busy: listening on ${new URL(hive.url).port} instead`);
    await hive.stop();
  });

  it('warns about a key that it does not know, and starts', async () => {
    const hive = await serve({ ...(await freshDirectory()), HIVE_POOL_MX: '3' });
    expect(hive.err()).toContain('Warning: Nothing reads HIVE_POOL_MX; did you mean HIVE_POOL_MAX?');
    await hive.stop();
  });

  it('keeps a database in memory when told to', async () => {
    const hive = await serve({ HIVE_DATA_DIR: 'memory://' });
    expect(hive.out()).toContain('embedded PostgreSQL, in memory');
    expect(await hive.stop()).toBe(0);
  });
});

describe('a hive that is told to stop', () => {
  afterEach(() => cleanUp());

  it('turns unready at once, finishes the request in flight, refuses new ones, and exits with 0', async () => {
    const env = await freshDatabase();
    const hive = await serve({ ...env, HIVE_ADMIN_KEY: ADMIN_KEY });
    const slow = slowRequest(hive);
    await slow.begun;

    hive.child.kill('SIGTERM');
    const unready = await until(async () => {
      const answer = await fetch(`${hive.url}/readyz`);
      return answer.status === 503 ? ((await answer.json()) as { checks: { serving: { detail: string } } }) : null;
    });
    expect(unready.checks.serving.detail).toBe('shutting down, 1 requests in flight');
    expect(await statusOf(`${hive.url}/livez`)).toBe(200);
    const refused = await fetch(`${hive.url}/v1/audit/entries`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('connection')]).toEqual([503, '1', 'close']);
    expect(await refused.json()).toMatchObject({ code: 'draining' });

    slow.finish();
    expect(await slow.answer).toMatch(/^HTTP\/1\.1 201 /);
    expect(await hive.exited).toBe(0);
    expect(hive.err()).toContain('"msg":"stopped"');

    const again = await serve({ ...env, HIVE_ADMIN_KEY: ADMIN_KEY });
    const { items } = (await (await fetch(`${again.url}/v1/audit/entries?action=agent.created`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } })).json()) as { items: unknown[] };
    expect(items).toHaveLength(1);
    await again.stop();
  });

  it('cuts off what does not end, and is gone within HIVE_SHUTDOWN_SECONDS', async () => {
    const hive = await serve({ ...(await freshDatabase()), HIVE_ADMIN_KEY: ADMIN_KEY, HIVE_SHUTDOWN_SECONDS: '6' });
    const slow = slowRequest(hive);
    await slow.begun;
    const told = performance.now();
    expect(await hive.stop()).toBe(0);
    expect(performance.now() - told).toBeLessThan(6000);
    expect(hive.err()).toContain('"requests":1');
    slow.finish();
  });

  it('exits with 1 at once when it is told twice', async () => {
    const hive = await serve({ ...(await freshDatabase()), HIVE_ADMIN_KEY: ADMIN_KEY });
    await slowRequest(hive).begun;
    hive.child.kill('SIGINT');
    await hive.says(/"msg":"shutting down"/);
    await new Promise((resolve) => setTimeout(resolve, 300));
    hive.child.kill('SIGINT');
    expect(await hive.exited).toBe(1);
  });
});

describe('the directory of an embedded database', () => {
  afterEach(() => cleanUp());

  it('belongs to one process: a second one is refused and told which holds it', async () => {
    const env = await freshDirectory();
    const hive = await serve(env);
    const second = await runHive(['start'], env);
    expect(second.code).toBe(1);
    expect(second.err).toMatch(new RegExp(`^hive: The data directory .* is in use by process ${hive.child.pid} `));
    expect(second.err.trim().split('\n')).toHaveLength(1);
    expect(await statusOf(`${hive.url}/readyz`)).toBe(200);
    await hive.stop();
  });

  it('is taken over after kill -9, with everything that was acknowledged', async () => {
    const env = { ...(await freshDirectory()), HIVE_ADMIN_KEY: ADMIN_KEY };
    const killed = await serve(env);
    const acknowledged: string[] = [];
    for (let i = 0; i < 20; i++) acknowledged.push(await register(killed, `agent ${i}`));
    killed.child.kill('SIGKILL');
    await killed.exited;
    expect(JSON.parse(readFileSync(`${env.HIVE_DATA_DIR}/hive.lock`, 'utf8'))).toMatchObject({ pid: killed.child.pid });

    const successor = await serve(env);
    for (const id of acknowledged) expect(await statusOf(`${successor.url}/v1/agents/${id}`, ADMIN_KEY)).toBe(200);
    expect(await successor.stop()).toBe(0);
  });

  it('tells its running server to commands of its owner alone, and only while it runs', async () => {
    const env = await freshDirectory();
    const hive = await serve(env);
    const file = `${env.HIVE_DATA_DIR}/hive.json`;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { url, key } = JSON.parse(readFileSync(file, 'utf8')) as { url: string; key: string };
    expect([url, await statusOf(`${url}/v1/audit/entries`, key)]).toEqual([hive.url, 200]);
    await hive.stop();
    expect(existsSync(file)).toBe(false);
    const chosen = await serve({ ...env, HIVE_ADMIN_KEY: ADMIN_KEY });
    expect(readFileSync(file, 'utf8')).not.toContain(ADMIN_KEY);
    expect(await statusOf(`${chosen.url}/v1/audit/entries`, key)).toBe(401);
    await chosen.stop();
  });
});

if (testEngine() === 'server') {
  describe('a hive on a server with a login that row level security binds', () => {
    afterEach(() => cleanUp());

    it('migrates by its other login, serves, and does its background jobs', async () => {
      const owner = await freshServerDatabase();
      const login = await loginOf(owner);
      const env = { DATABASE_URL: login.url, DATABASE_MIGRATION_URL: owner, HIVE_ADMIN_KEY: ADMIN_KEY, LOG_LEVEL: 'debug', HIVE_KEYS_DIR: temporaryDirectory() };
      const hive = await serve(env);
      await hive.says(/"job":"maintenance".*"msg":"job done"/);
      await hive.says(/"job":"presence".*"msg":"job done"/);
      const id = await register(hive, 'bound');
      expect(await statusOf(`${hive.url}/v1/agents/${id}`, hive.key!)).toBe(200);
      const doctor = await runHive(['doctor'], env);
      expect(doctor.out).toMatch(/^ok +login +hive_test_\w+ is bound by row level security$/m);
      expect([doctor.code, await hive.stop()]).toEqual([0, 0]);
      expect(hive.err()).not.toContain('"level":"error"');
      await login.drop();
    });
  });
}

describe('a hive that is told to start wrongly', () => {
  afterEach(() => cleanUp());

  it.each([
    ['hive', ['fly'], "unknown command 'fly'"],
    ['hive start', ['start', '--fast'], "unknown option '--fast'"],
    ['hive migrate', ['migrate', '--steps', '0'], 'whole number from 1'],
    ['hive keys', ['keys', 'create'], "missing required argument 'name'"],
  ])('explains the usage of %s and exits with 2', async (_, args, message) => {
    const { code, err, out } = await endOf(args, {});
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(message);
  });

  it.each([[[]], [['start']], [['migrate']], [['schema']], [['doctor']], [['demo']], [['keys']], [['keys', 'create']], [['keys', 'list']], [['keys', 'revoke']]])('shows help and examples of hive %j', async (args) => {
    const { code, out } = await runHive([...args, '--help'], {});
    expect(code).toBe(0);
    expect(out).toContain('Usage: hive');
    if (args.length > 0) expect(out).toContain('  $ ');
  });

  it('shows its version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
    expect(await endOf(['--version'], {})).toMatchObject({ code: 0, out: expect.stringMatching(new RegExp(`^${version.replaceAll('.', '\\.')}\\s*$`)) });
  });
});

const agent = (name: string) => ({ name, type: 'general-purpose' });

async function register({ url }: Server, name: string): Promise<string> {
  const answer = await fetch(`${url}/v1/agents`, { method: 'POST', body: JSON.stringify(agent(name)), headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' } });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}

/** A POST whose body comes in two halves, the second one when the test says so. */
function slowRequest({ url }: Server) {
  const body = JSON.stringify(agent('slow'));
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const head = ['POST /v1/agents HTTP/1.1', `Host: ${hostname}`, `Authorization: Bearer ${ADMIN_KEY}`, 'Content-Type: application/json', `Content-Length: ${body.length}`, '', ''];
  socket.on('error', () => undefined);
  const begun = new Promise<void>((resolve) => {
    socket.write(head.join('\r\n') + body.slice(0, 10));
    // Long enough for the server to have read the head and to wait for the rest.
    setTimeout(resolve, 300);
  });
  const answer = new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString())).on('close', () => resolve(text));
  });
  return { begun, answer, finish: () => socket.write(body.slice(10)) };
}

async function until<T>(probe: () => Promise<T | null>): Promise<T> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const found = await probe();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('did not happen within 2 s');
}
