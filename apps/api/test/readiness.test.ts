import { Agent, get, type IncomingHttpHeaders } from 'node:http';
import { migrate } from '@agent-hive/kernel';
import { testDatabase, type TestDatabase } from '@agent-hive/kernel/testing';
import fastify, { type FastifyInstance } from 'fastify';
import pg from 'pg';
import { domains } from '../src/domains.js';
import { Readiness } from '../src/health/readiness.js';
import { Drain } from '../src/server/drain.js';

const NEXT_MONTH = new Date(Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1)).toISOString().slice(0, 7).replace('-', '');

/** A server loses the database; the embedded engine ends. */
async function takeAway(db: TestDatabase): Promise<void> {
  if (!db.url) return db.database.close();
  const client = new pg.Client({ connectionString: process.env.HIVE_TEST_DATABASE_URL });
  await client.connect();
  await client.query(`drop database ${new URL(db.url).pathname.slice(1)} with (force)`);
  await client.end();
}

describe('readiness [S5.69]', () => {
  let db: TestDatabase;
  let drain: Drain;
  let readiness: Readiness;
  beforeEach(async () => {
    db = await testDatabase(domains);
    drain = new Drain();
    readiness = new Readiness(db.database, db.orm, drain);
  });
  afterEach(() => db.close());

  const failing = async () => {
    const { ready, checks } = await readiness.check();
    const broken = Object.entries(checks).filter(([, check]) => !(check as { ok: boolean }).ok);
    expect(ready).toBe(broken.length === 0);
    return Object.fromEntries(broken.map(([name, check]) => [name, (check as { detail: string }).detail]));
  };

  it('is there when the database answers, migrated, with a month ahead', async () => {
    expect(await failing()).toEqual({});
  });

  it('is not there while a migration is pending, which it names', async () => {
    const last = domains.at(-1)!;
    await migrate(db.database, domains, { direction: 'down', steps: 1 });
    expect(await failing()).toEqual({ migrations: `pending: ${last.name}/${last.migrations.at(-1)!.name}` });
  });

  it('is not there when the next month has no partition, which it names', async () => {
    await db.database.execute(db.orm, `drop table audit.entry_${NEXT_MONTH}`);
    expect(await failing()).toEqual({ partitions: `missing: audit.entry_${NEXT_MONTH}` });
  });

  it('is not there without the database', async () => {
    await takeAway(db);
    expect(await failing()).toMatchObject({ database: expect.any(String), migrations: 'not known without the database', partitions: 'not known without the database' });
  });

  it('is not there while the process shuts down', async () => {
    drain.begin();
    expect(await failing()).toEqual({ serving: 'shutting down, 0 requests in flight' });
  });
});

describe('a drain', () => {
  let app: FastifyInstance;
  let drain: Drain;
  let release: () => void;
  let url: string;
  beforeEach(async () => {
    app = fastify();
    app.setErrorHandler((_error, _request, reply) => reply.code(503).send());
    drain = new Drain();
    drain.install(app);
    const released = new Promise<void>((resolve) => (release = resolve));
    app.get('/quick', () => 'done');
    app.get('/slow', () => released.then(() => 'done'));
    url = await app.listen({ port: 0, host: '127.0.0.1' });
  });
  afterEach(() => app.close());

  const ask = (path: string, agent: Agent) =>
    new Promise<{ status: number; headers: IncomingHttpHeaders }>((resolve, reject) => {
      get(url + path, { agent }, (answer) => answer.resume().once('end', () => resolve({ status: answer.statusCode!, headers: answer.headers }))).once('error', reject);
    });

  it('answers a client that keeps its connection and does not know yet', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await ask('/quick', agent)).headers.connection).toBe('keep-alive');
    drain.begin();
    const ended = drain.settled(5_000).then(() => app.close());
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await ask('/quick', agent)).toMatchObject({ status: 503, headers: { connection: 'close' } });
    await ended;
    agent.destroy();
  });

  it('tells the client of a request from before that its connection ends', async () => {
    const agent = new Agent({ keepAlive: true });
    const answer = ask('/slow', agent);
    while (drain.inFlight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    drain.begin();
    const settled = drain.settled(5_000);
    release();
    expect(await answer).toMatchObject({ status: 200, headers: { connection: 'close' } });
    expect(await settled).toBe(0);
    agent.destroy();
  });

  it('waits no longer than it may', async () => {
    const agent = new Agent();
    const answer = ask('/slow', agent);
    while (drain.inFlight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    drain.begin();
    const started = performance.now();
    expect(await drain.settled(300)).toBe(1);
    expect(performance.now() - started).toBeLessThan(600);
    release();
    await answer;
  });
});
