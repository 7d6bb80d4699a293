import { createDatabase, serverUrl, settingsOf } from './servers.js';
import { startPeer } from './peers.js';
import { median } from './result.js';
import { LEAD_SECONDS } from './tasks-loops.js';
import { printTasks } from './tasks-print.js';
import { serverTime } from './tasks-server-time.js';
import { makeWorld, tasksOf } from './tasks-world.js';

/** Connections of each peer; more gain nothing on two processors. */
const POOL_MAX = 10;
const ENQUEUE_BATCH = 500;
const CROWD_READY = 100_000;

export const PEERS = {
  plain: { module: './tasks-plain.js', isHive: true },
  pipelined: { module: './tasks-plain.js', isHive: true, options: { pipelined: true } },
  service: { module: './tasks-service.js', isHive: true },
  http: { module: './tasks-http.js', isHive: true },
  'pg-boss': { module: './tasks-pgboss.js' },
  graphile: { module: './tasks-graphile.js' },
  'graphile batching': { module: './tasks-graphile.js', options: { batching: true }, only: ({ kind, batch }) => kind === 'drain' && batch > 1 },
};

export const SECTIONS = ['claim', 'enqueue', 'crowd'];

/**
 * Enqueues, claims and completes tasks that do nothing: the hive through its services and over HTTP, beside the same
 * statements by hand and two queues of the trade, each in a process and a database of its own, all on one server.
 */
export async function tasksBench({ rounds, seconds, loops, batches, only, sections, foreign, finished }) {
  const bench = { url: serverUrl(), rounds, seconds, databases: [], peers: [] };
  const stop = () => bench.peers.forEach(({ peer }) => void peer.close());
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const server = await settingsOf(bench.url);
    const base = await newDatabase(bench);
    bench.world = await makeWorld(base.url, Math.max(POOL_MAX, ...loops));
    const result = { rounds, seconds, server, rows: [] };
    const names = Object.keys(PEERS).filter((name) => only.includes(name));
    for (const name of names) await openPeer(bench, { name, template: base });
    await warm(bench.peers, batches);
    if (sections.includes('claim')) result.rows.push(...(await measure(bench, bench.peers, casesOf('drain', loops, batches))));
    const service = bench.peers.find(({ name }) => name === 'service');
    if (service) result.statements = await serverTime(service.url, server, () => sampleOf(service, { kind: 'drain', loops: 1, batch: 1 }, seconds));
    if (sections.includes('enqueue')) result.rows.push(...(await measure(bench, bench.peers, casesOf('enqueue', loops, [1, ENQUEUE_BATCH]))));
    if (sections.includes('crowd')) result.rows.push(...(await measureCrowds(bench, { base, loops, batches, foreign, finished })));
    printTasks(result);
    return result;
  } finally {
    for (const { peer } of bench.peers) await peer.close();
    for (const database of bench.databases) await database.drop();
  }
}

const casesOf = (kind, loops, batches) => batches.flatMap((batch) => loops.map((amount) => ({ kind, loops: amount, batch })));

async function newDatabase(bench, template) {
  const database = await createDatabase(bench.url, template);
  bench.databases.push(database);
  return database;
}

/** Starts a peer over a database of its own: a copy of `template` for those that are hives. */
async function openPeer(bench, { name, title = name, template, crowd }) {
  const { module, isHive, options, only = () => true } = PEERS[name];
  const { url } = await newDatabase(bench, isHive ? template : undefined);
  const runner = { name: title, url, only, ready: crowd?.finished ? CROWD_READY : 0, peer: startPeer('./tasks-peer.js', title) };
  bench.peers.push(runner);
  await runner.peer.call('open', { module, url, poolMax: POOL_MAX, world: bench.world, crowd, ...options });
  return runner;
}

/** Plans, caches and the compiler are warm before anything counts. */
async function warm(runners, batches) {
  for (const runner of runners) {
    for (const batch of [1, ENQUEUE_BATCH]) if (runner.only({ kind: 'enqueue', batch })) await sampleOf(runner, { kind: 'enqueue', loops: POOL_MAX, batch }, 0.5);
    for (const batch of batches) if (runner.only({ kind: 'drain', batch })) await sampleOf(runner, { kind: 'drain', loops: POOL_MAX, batch }, 0.5);
  }
}

/** Tasks enough for a sample: about the most that anybody does in that time. One who runs dry earlier is measured until then. */
const readyFor = ({ kind, batch }, seconds) => (kind === 'enqueue' ? 0 : Math.ceil((seconds + LEAD_SECONDS) * (batch === 1 ? 4_000 : 20_000)));

async function sampleOf({ peer, ready }, { kind, loops, batch }, seconds) {
  await peer.call('fill', Math.max(ready, readyFor({ kind, batch }, seconds)));
  return peer.call('sample', { kind, loops, batch, seconds });
}

/** Samples of each case in turns, so that a noisy moment of the machine hits all alike; medians of the rounds. */
async function measure({ rounds, seconds }, runners, cases) {
  const rows = [];
  for (const one of cases) {
    const taking = runners.filter((runner) => runner.only(one));
    const samples = new Map(taking.map((runner) => [runner.name, []]));
    for (let round = 0; round < rounds; round++) for (const runner of taking) samples.get(runner.name).push(await sampleOf(runner, one, seconds));
    rows.push({ ...one, peers: Object.fromEntries([...samples].map(([name, all]) => [name, medians(all)])) });
    process.stderr.write('.');
  }
  return rows;
}

function medians(samples) {
  const of = (pick) => median(samples.map(pick));
  const phases = Object.keys(samples[0].phasesMicros);
  return {
    perSecond: of((s) => s.perSecond),
    range: [Math.min(...samples.map((s) => s.perSecond)), Math.max(...samples.map((s) => s.perSecond))],
    busyMicros: of((s) => s.busyMicros),
    roundTrips: of((s) => s.roundTrips),
    phasesMicros: Object.fromEntries(phases.map((phase) => [phase, of((s) => s.phasesMicros[phase] ?? 0)])),
  };
}

/** The same with many tasks that the claiming agent cannot do, and with a long history, in turns with the empty table. */
async function measureCrowds(bench, { base, loops, batches, foreign, finished }) {
  const hives = bench.peers.filter(({ name }) => name === 'plain' || name === 'service');
  for (const runner of bench.peers.filter((one) => !hives.includes(one))) await runner.peer.close();
  const history = await newDatabase(bench, base);
  await tasksOf(history.url, { finished }).addHistory();
  const runners = [];
  for (const empty of hives) {
    runners.push(empty, await openPeer(bench, { name: empty.name, title: `${empty.name} foreign`, template: base, crowd: { foreign } }));
    runners.push(await openPeer(bench, { name: empty.name, title: `${empty.name} finished`, template: history, crowd: { finished } }));
  }
  await warm(runners.filter((runner) => !hives.includes(runner)), batches);
  const rows = await measure(bench, runners, casesOf('drain', loops.filter((amount) => amount <= POOL_MAX), batches));
  return rows.map((row) => ({ ...row, kind: 'crowd', foreign, finished }));
}
