import { startPeer } from './peers.js';
import { median, quantile } from './result.js';
import { lagsOf } from './seal-lag.js';
import { printSeal } from './seal-print.js';
import { copyRows } from './seeds.js';
import { createDatabase, onServer, serverUrl, settingsOf, vacuum } from './servers.js';
import { makeWorld } from './tasks-world.js';

const PROOFS = 200;
/** Entries that the sealer takes at once: with fewer there is no checkpoint in the middle. */
const BATCH = 4_000;

export const SEAL_SECTIONS = ['write', 'pending', 'verify'];

/**
 * What the sealed record costs those who write, how long it is behind them, and how fast it is verified.
 *
 * - write: tasks created through the service by several writers of one tenant, with the sealer in a process beside them and
 *   without it, in turns; and a chain of hashes made in the writers' own transactions, beside entries alone, in plain SQL.
 * - pending: entries with a row each in a table of what is to be sealed, beside entries alone, in plain SQL.
 * - verify: a log of many entries sealed, verified wholly and from its middle, and proofs out of it.
 */
export async function sealBench({ rounds, seconds, writers, entries, sections }) {
  if (sections.includes('verify') && entries <= BATCH) throw new Error(`--entries ${entries}: it takes more than ${BATCH}, which are sealed at once`);
  const bench = { url: serverUrl(), rounds, seconds, writers, entries, databases: [], peers: [], isStopped: false };
  const stop = () => {
    bench.isStopped = true;
    for (const peer of bench.peers) void peer.close();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    bench.base = await newDatabase(bench);
    bench.world = await makeWorld(bench.base.url, 1);
    const result = { rounds, seconds, writers, server: await settingsOf(bench.url) };
    if (sections.includes('write')) Object.assign(result, await measureWriters(bench));
    const ways = ['entry', ...(sections.includes('pending') ? ['pending'] : []), ...(sections.includes('write') ? ['chain'] : [])];
    if (ways.length > 1) result.plain = await measurePlain(bench, ways);
    if (sections.includes('verify')) result.verify = await measureVerify(bench);
    printSeal(result);
    return result;
  } finally {
    for (const peer of bench.peers) await peer.close();
    for (const database of bench.databases) await database.drop();
  }
}

async function newDatabase(bench) {
  const database = await createDatabase(bench.url, bench.base);
  bench.databases.push(database);
  return database;
}

async function openPeer(bench, { file, title, ...options }) {
  if (bench.isStopped) throw new Error('the bench was stopped');
  const peer = startPeer(file, title);
  bench.peers.push(peer);
  await peer.call('open', { poolMax: bench.writers, world: bench.world, ...options });
  return peer;
}

async function closePeers(bench) {
  for (const peer of bench.peers.splice(0)) await peer.close();
}

/** Writers with the sealer and without it, in turns and in the other order each time. What was written without it is sealed before the next sample. */
async function measureWriters(bench) {
  const { rounds, seconds, writers: loops, world: { tenantId } } = bench;
  const { url } = await newDatabase(bench);
  const writer = await openPeer(bench, { file: './tasks-peer.js', title: 'writers', module: './tasks-service.js', url });
  const sealer = await openPeer(bench, { file: './seal-hive.js', title: 'sealer', url });
  await writer.call('sample', { kind: 'enqueue', loops, batch: 1, seconds: 1 }); // plans and the compiler are warm
  await sealer.call('sealAll');
  const rates = { off: [], on: [] };
  const lags = [];
  for (let round = 0; round < rounds; round++) {
    for (const mode of round % 2 ? ['on', 'off'] : ['off', 'on']) {
      await settle(url, 'tasks.task', 'audit.entry', 'audit.leaf', 'audit.checkpoint');
      if (mode === 'on') await sealer.call('startSealer');
      const since = Date.now();
      const { perSecond } = await writer.call('sample', { kind: 'enqueue', loops, batch: 1, seconds });
      rates[mode].push(perSecond);
      if (mode === 'on') {
        const turns = await sealer.call('stopSealer', undefined, 180);
        lags.push(...lagsOf(await leavesSince(url, tenantId, since), turns));
      } else await sealer.call('sealAll', undefined, 180);
      process.stderr.write('.');
    }
  }
  const { leaves } = await sealer.call('verify', {}, 600);
  const left = await unsealed(url, tenantId);
  await closePeers(bench);
  return {
    write: Object.fromEntries(Object.entries(rates).map(([mode, all]) => [mode, spread(all)])),
    lag: { leaves: lags.length, p50Millis: quantile(lags, 0.5), p95Millis: quantile(lags, 0.95), p99Millis: quantile(lags, 0.99), maxMillis: quantile(lags, 1) },
    end: { leaves, unsealed: left },
  };
}

const spread = (values) => ({ perSecond: median(values), range: [quantile(values, 0), quantile(values, 1)] });

/** Each sample begins alike: plans know the tables, and nobody pays for the writing of an earlier one. */
async function settle(url, ...tables) {
  await vacuum(url, ...tables);
  await onServer(url, (client) => client.query('checkpoint'));
}

const leavesSince = (url, tenantId, since) =>
  onServer(url, async (client) => {
    const { rows } = await client.query(`select sequence::float8 as sequence, extract(epoch from occurred_at)::float8 * 1000 as "occurredAt" from audit.leaf where tenant_id = $1 and occurred_at >= $2 order by sequence`, [tenantId, new Date(since)]);
    return rows;
  });

const unsealed = (url, tenantId) =>
  onServer(url, async (client) => {
    const { rows: [{ count }] } = await client.query(`select count(*)::int as count from audit.entry e where e.tenant_id = $1 and not exists (select from audit.leaf l where l.tenant_id = e.tenant_id and l.entry_id = e.id)`, [tenantId]);
    return count;
  });

/** Entries written by hand, each way in turns over an empty table. */
async function measurePlain(bench, ways) {
  const { rounds, seconds, writers: loops } = bench;
  const { url } = await newDatabase(bench);
  const plain = await openPeer(bench, { file: './tasks-peer.js', title: 'plain', module: './seal-plain.js', url });
  const rates = new Map(ways.map((way) => [way, []]));
  for (const way of ways) await plain.call('sample', { kind: way, loops, seconds: 0.5 });
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      await plain.call('fill');
      rates.get(way).push((await plain.call('sample', { kind: way, loops, seconds })).perSecond);
      process.stderr.write('.');
    }
  }
  await closePeers(bench);
  return Object.fromEntries([...rates].map(([way, all]) => [way, spread(all)]));
}

/** Seals a log of so many entries, verifies it, and takes proofs out of it. */
async function measureVerify(bench) {
  const { rounds, entries, world: { tenantId } } = bench;
  const { url } = await newDatabase(bench);
  await onServer(url, (client) =>
    copyRows(client, {
      table: 'audit.entry', seed: `(select * from bench.entry where action = 'task.created')`, from: `generate_series(1, ${entries}) g`, order: 'order by g', replaced: { id: 'bench.id(g)', subject_id: 'bench.id(g)::text' },
    }));
  await settle(url, 'audit.entry');
  const hive = await openPeer(bench, { file: './seal-hive.js', title: 'hive', url });
  const sealed = await hive.call('sealAll', undefined, 3600);
  await settle(url, 'audit.leaf', 'audit.node', 'audit.checkpoint');
  const { middle, size, entryIds } = await wantedOf(url, tenantId);
  const runs = { full: [], sinceMiddle: [] };
  for (let round = 0; round < rounds; round++) {
    for (const [kind, since] of [['full', 0], ['sinceMiddle', middle]]) runs[kind].push(await hive.call('verify', { since: since || undefined }, 3600));
    process.stderr.write('.');
  }
  const pairs = Array.from({ length: PROOFS }, () => [1, 1].map(() => 1 + Math.floor(Math.random() * size)).sort((a, b) => a - b));
  const { inclusion, consistency } = await hive.call('prove', { entryIds, pairs }, 600);
  await closePeers(bench);
  const rateOf = (all) => ({ leaves: all[0].leaves, ...spread(all.map(({ leaves, millis }) => (leaves * 1000) / millis)) });
  const millisOf = (all) => ({ p50Millis: quantile(all, 0.5), p95Millis: quantile(all, 0.95) });
  return { seal: { leaves: sealed.entries, perSecond: (sealed.entries * 1000) / sealed.millis }, full: rateOf(runs.full), sinceMiddle: rateOf(runs.sinceMiddle), inclusion: millisOf(inclusion), consistency: millisOf(consistency) };
}

/** The size of the log, the checkpoint next to its middle, and entries from all over it. */
const wantedOf = (url, tenantId) =>
  onServer(url, async (client) => {
    const { rows: [{ size, middle }] } = await client.query(
      `select head.size::float8 as size, c.size::float8 as middle from (select max(size) as size from audit.checkpoint where tenant_id = $1) head, audit.checkpoint c
        where c.tenant_id = $1 and c.size < head.size order by abs(c.size - head.size / 2) limit 1`, [tenantId]);
    const sequences = Array.from({ length: PROOFS }, () => 1 + Math.floor(Math.random() * size));
    const { rows } = await client.query('select entry_id from audit.leaf where tenant_id = $1 and sequence = any($2) order by random()', [tenantId, sequences]);
    return { size, middle, entryIds: rows.map((row) => row.entry_id) };
  });
