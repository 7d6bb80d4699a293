import { randomBytes, randomUUID } from 'node:crypto';
import autocannon from 'autocannon';
import { machine, median, table } from './result.js';
import { createDatabase, freePort, serverUrl, startProcess, vacuum } from './servers.js';

const BODY = JSON.stringify({ name: 'bench', type: 'general-purpose', capabilities: ['web_search', 'sql'], config: { temperature: 0 } });

/**
 * Reads and registers agents over real HTTP: the hive as it is shipped (guard, validation, record, idempotency), beside a
 * bare server on the same database server. Ratios are against the bare server's medians of the same run.
 */
export async function httpBench({ rounds, seconds, connections }) {
  const database = await createDatabase(serverUrl());
  const started = [];
  try {
    const key = randomBytes(24).toString('base64url');
    const [hivePort, barePort] = [await freePort(), await freePort()];
    const hiveUrl = `http://127.0.0.1:${hivePort}`;
    const env = { DATABASE_URL: database.url, HIVE_ALLOW_SUPERUSER: 'true', HIVE_ADMIN_KEY: key, LOG_LEVEL: 'warn', HIVE_POOL_MIN: '10', HIVE_POOL_MAX: '10' };
    started.push(await startProcess('hive', ['apps/cli/dist/main.js', 'start'], { ...env, PORT: String(hivePort) }, `${hiveUrl}/readyz`));
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const me = await (await fetch(`${hiveUrl}/v1/me`, { headers })).json();
    const agent = await (await fetch(`${hiveUrl}/v1/agents`, { method: 'POST', headers, body: BODY })).json();
    const bareUrl = `http://127.0.0.1:${barePort}`;
    started.push(await startProcess('bare', ['tooling/bench/src/bare-server.js'], { DATABASE_URL: database.url, PORT: String(barePort), BENCH_TENANT: me.tenantId, BENCH_KEY: key }, `${bareUrl}/v1/agents/${agent.id}`));

    const read = { method: 'GET', path: `/v1/agents/${agent.id}` };
    const write = { method: 'POST', path: '/v1/agents', body: BODY };
    const cases = [
      { name: 'GET bare', group: 'GET', base: bareUrl, request: read },
      { name: 'GET hive', group: 'GET', base: hiveUrl, request: read },
      { name: 'POST bare: one insert', group: 'POST', base: bareUrl, request: write },
      { name: 'POST bare: the same statement', group: 'POST', base: bareUrl, request: { ...write, path: '/v1/agents/recorded' } },
      { name: 'POST hive', group: 'POST', base: hiveUrl, request: write },
      { name: 'POST hive, Idempotency-Key', group: 'POST', base: hiveUrl, request: { ...write, keyed: true } },
    ];
    const load = (c, amount, duration) => run(c.base, c.request, headers, amount, duration);
    for (const c of cases) await load(c, 10, 2); // plans, caches and the compiler are warm before anything counts
    await vacuum(database.url);
    const rows = [];
    for (const amount of connections) {
      const samples = cases.map(() => []);
      // In turns, so that a noisy moment of the machine hits all alike.
      for (let round = 0; round < rounds; round++) for (const [i, c] of cases.entries()) samples[i].push(await load(c, amount, seconds));
      for (const [i, c] of cases.entries()) {
        rows.push({ connections: amount, group: c.group, name: c.name, perSecond: median(samples[i].map((s) => s.perSecond)), p50Ms: median(samples[i].map((s) => s.p50Ms)), p99Ms: median(samples[i].map((s) => s.p99Ms)) });
      }
    }
    for (const row of rows) {
      const bare = rows.filter((r) => r.connections === row.connections && r.group === row.group && r.name.includes('bare'));
      row.ratios = Object.fromEntries(bare.map((b) => [b.name, Math.round((100 * row.perSecond) / b.perSecond) / 100]));
    }
    print(rows, rounds, seconds);
    return { rounds, seconds, rows };
  } finally {
    for (const server of started.reverse()) await server.stop();
    await database.drop();
  }
}

async function run(base, { method, path, body, keyed }, headers, connections, duration) {
  const result = await autocannon({
    url: base + path,
    method,
    body,
    headers,
    connections,
    duration,
    requests: [{ setupRequest: (request) => (keyed ? { ...request, headers: { ...request.headers, 'idempotency-key': randomUUID() } } : request) }],
  });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${method} ${base}${path}: ${result.non2xx} answers were no success, ${result.errors} errors`);
  return { perSecond: result.requests.average, p50Ms: result.latency.p50, p99Ms: result.latency.p99 };
}

function print(rows, rounds, seconds) {
  const { processors, model, memoryGiB, node, commit } = machine();
  console.log(`\nhttp: ${rounds} rounds of ${seconds} s, medians; ${processors} x ${model}, ${memoryGiB} GiB, Node ${node}, commit ${commit}`);
  const ms = (value) => (value < 1 ? '<1' : String(Math.round(value))); // autocannon counts whole milliseconds
  const line = (row) => [row.connections, row.name, row.perSecond.toFixed(0), ms(row.p50Ms), ms(row.p99Ms), ...Object.values(row.ratios).map((ratio) => ratio.toFixed(2))];
  for (const group of ['GET', 'POST']) {
    const own = rows.filter((row) => row.group === group);
    console.log('');
    for (const text of table([['conn', group, 'req/s', 'p50 ms', 'p99 ms', ...Object.keys(own[0].ratios).map((name) => `vs ${name.replace(/^\w+ /, '')}`)], ...own.map(line)])) console.log(text);
  }
}
