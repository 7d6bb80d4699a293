import { testEngine } from '@agent-hive/kernel/testing';
import pg from 'pg';
import { testHive, type TestHive } from './world.js';

describe('a hive over HTTP', () => {
  let hive: TestHive;
  beforeAll(async () => {
    hive = await testHive();
  });
  afterAll(() => hive.stop());

  it('lives and is ready, for anyone who asks [S5.69]', async () => {
    const live = await fetch(`${hive.url}/livez`);
    expect([live.status, await live.json()]).toEqual([200, { status: 'alive' }]);
    const ready = await fetch(`${hive.url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([200, { ready: true, checks: { database: { ok: true }, migrations: { ok: true }, partitions: { ok: true } } }]);
  });

  it('serves its documentation from itself alone', async () => {
    const page = await fetch(`${hive.url}/docs`);
    const html = await page.text();
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'self';/);
    const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) {
      expect(link).toMatch(/^\/[a-z]/);
      const file = await fetch(hive.url + link);
      expect([link, file.status]).toEqual([link, 200]);
    }
    expect(html + (await (await fetch(`${hive.url}/docs/page.js`)).text())).not.toMatch(/https?:/);
  });

  it.each(['/docs/package.json', '/docs/index.html', '/docs/swagger-initializer.js', '/docs/..%2f..%2fpackage.json', '/docs/nothing'])('does not serve %s', async (path) => {
    const answer = await fetch(hive.url + path);
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it('measures requests by pattern of the route, never by tenant or path', async () => {
    await hive.get('/v1/audit/entries/01997b2e-0000-7000-8000-000000000000');
    await hive.get('/no/such/route/4711');
    const metrics = await (await fetch(`${hive.url}/metrics`)).text();
    expect(metrics).toMatch(/http_request_duration_seconds_count\{route="\/v1\/audit\/entries\/:id",method="GET",status="4xx"\} 1/);
    expect(metrics).toContain('nodejs_eventloop_lag_seconds');
    expect(metrics).toContain('process_cpu_user_seconds_total');
    expect(metrics).not.toMatch(/tenant|01997b2e|4711/);
  });

  it('answers with problems, which say which request they are of', async () => {
    const answer = await fetch(`${hive.url}/v1/audit/entries`, { headers: { 'x-request-id': 'mine-1' } });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 'unauthenticated', status: 401, requestId: 'mine-1' });
  });

  if (testEngine() === 'server') {
    it('shows its pool: used, idle, waiting [S5.70, S1.10, S4.111]', async () => {
      await hive.get('/v1/audit/entries');
      const metrics = await (await fetch(`${hive.url}/metrics`)).text();
      expect(metrics).toMatch(/hive_database_connections\{state="idle"\} [1-9]/);
      expect(metrics).toMatch(/hive_database_connections\{state="used"\} \d/);
      expect(metrics).toMatch(/hive_database_connections\{state="waiting"\} 0/);
    });

    it('opens no more connections than its pool may, and leaves none behind [S1.10, S1.83, S2.7, S2.35, S5.9, S5.74]', async () => {
      const small = await testHive({ HIVE_POOL_MAX: '3' });
      const client = new pg.Client({ connectionString: process.env.HIVE_TEST_DATABASE_URL });
      await client.connect();
      const connections = async () => {
        const { rows } = await client.query<{ count: number }>(`select count(*)::int as count from pg_stat_activity where datname = $1`, [new URL(small.databaseUrl!).pathname.slice(1)]);
        return rows[0]!.count;
      };
      const answers = await Promise.all(Array.from({ length: 30 }, () => small.get('/v1/audit/entries')));
      expect(answers.every((answer) => answer.status === 200)).toBe(true);
      // One more than the pool: the test's own handle on the database keeps a login of its own at most.
      expect(await connections()).toBeLessThanOrEqual(3);
      await small.stop();
      expect(await connections()).toBe(0);
      await client.end();
    });
  }
});

describe('a rate limit over HTTP', () => {
  it('refuses what one key sends beyond it, with 429 and when to come back', async () => {
    const hive = await testHive({ HIVE_RATE_LIMIT_PER_SECOND: '5' });
    const answers = await Promise.all(Array.from({ length: 20 }, () => hive.get('/v1/audit/entries')));
    const refused = answers.filter((answer) => answer.status === 429);
    expect(answers.filter((answer) => answer.status === 200).length).toBeGreaterThanOrEqual(5);
    expect(refused.length).toBeGreaterThan(5);
    expect(refused[0]!.headers.get('retry-after')).toBe('1');
    expect(await refused[0]!.json()).toMatchObject({ code: 'rate-limited', status: 429 });
    expect((await fetch(`${hive.url}/readyz`)).status).toBe(200);
    await hive.stop();
  });
});
