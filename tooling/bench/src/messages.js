import { CROWDS, makeMessageWorld } from './messages-world.js';
import { startPeer } from './peers.js';
import { machine, median, table } from './result.js';
import { createDatabase, serverUrl } from './servers.js';

/** Connections of each peer; more gain nothing on two processors. */
const POOL_MAX = 10;

export const MESSAGE_PEERS = {
  plain: { module: './messages-plain.js', isHive: true },
  pipelined: { module: './messages-plain.js', isHive: true, options: { pipelined: true } },
  service: { module: './messages-service.js', isHive: true },
  http: { module: './messages-http.js', isHive: true },
  mastra: { module: './messages-mastra.js' },
  langgraph: { module: './messages-langgraph.js' },
};

export const MESSAGE_CROWDS = Object.keys(CROWDS);
const KINDS = { latest: 'latest 50', append: 'append, own session', crowd: 'append, one session' };

/**
 * Reads the latest 50 messages of a session and appends one, beside what is there already: the hive through its service and over
 * HTTP, beside the same statements by hand, Mastra's memory store and LangGraph's saver, each in a process and a database of its own,
 * all on one server.
 */
export async function messagesBench({ rounds, seconds, loops, only, crowds }) {
  const bench = { url: serverUrl(), databases: [], peers: [] };
  const stop = () => bench.peers.forEach(({ peer }) => void peer.close());
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const result = { rounds, seconds, rows: [] };
  try {
    const base = await newDatabase(bench);
    const world = await makeMessageWorld(base.url);
    for (const crowd of crowds) {
      const names = Object.keys(MESSAGE_PEERS).filter((name) => only.includes(name));
      for (const name of names) await openPeer(bench, { name, world, template: base, crowd, loops: Math.max(POOL_MAX, ...loops) });
      result.rows.push(...(await measure(bench.peers, { crowd, rounds, seconds, loops })));
      for (const { peer } of bench.peers.splice(0)) await peer.close();
    }
    print(result);
    return result;
  } finally {
    for (const { peer } of bench.peers) await peer.close();
    for (const database of bench.databases) await database.drop();
  }
}

async function newDatabase(bench, template) {
  const database = await createDatabase(bench.url, template);
  bench.databases.push(database);
  return database;
}

async function openPeer(bench, { name, world, template, crowd, loops }) {
  const { module, isHive, options } = MESSAGE_PEERS[name];
  const { url } = await newDatabase(bench, isHive ? template : undefined);
  const peer = startPeer('./tasks-peer.js', name);
  bench.peers.push({ name, peer });
  await peer.call('open', { module, url, poolMax: POOL_MAX, world, crowd: CROWDS[crowd], ...options });
  await peer.call('fill', loops, 600);
  for (const kind of Object.keys(KINDS)) await peer.call('sample', { kind, loops: POOL_MAX, seconds: 0.5 }); // plans and the compiler are warm
}

/** Samples of each case in turns, so that a noisy moment of the machine hits all alike; medians of the rounds. */
async function measure(peers, { crowd, rounds, seconds, loops }) {
  const rows = [];
  for (const kind of Object.keys(KINDS)) {
    for (const amount of loops) {
      const samples = new Map(peers.map(({ name }) => [name, []]));
      for (let round = 0; round < rounds; round++) for (const { name, peer } of peers) samples.get(name).push(await peer.call('sample', { kind, loops: amount, seconds }));
      const medians = (all) => ({ perSecond: median(all.map((s) => s.perSecond)), p95Millis: median(all.map((s) => s.p95Millis)), busyMicros: median(all.map((s) => s.busyMicros)), roundTrips: median(all.map((s) => s.roundTrips)) });
      rows.push({ kind, crowd, loops: amount, peers: Object.fromEntries([...samples].map(([name, all]) => [name, medians(all)])) });
      process.stderr.write('.');
    }
  }
  return rows;
}

function print({ rounds, seconds, rows }) {
  const { processors, model, memoryGiB, node, commit } = machine();
  console.log(`\nmessages: ${rounds} rounds of ${seconds} s, medians; ${processors} x ${model}, ${memoryGiB} GiB, Node ${node}, commit ${commit}`);
  const names = Object.keys(rows[0].peers);
  const others = names.filter((name) => name !== 'service' && names.includes('service'));
  const ofCrowd = ({ sessions, each }) => `${sessions} x ${each}`;
  const lines = rows.map(({ kind, crowd, loops, peers }) => [
    KINDS[kind], ofCrowd(CROWDS[crowd]), loops, ...names.map((name) => peers[name].perSecond.toFixed(0)), ...others.map((name) => (peers.service.perSecond / peers[name].perSecond).toFixed(2)), ...names.map((name) => peers[name].p95Millis.toFixed(2)),
  ]);
  console.log('');
  for (const line of table([['what', 'there', 'loops', ...names.map((name) => `${name}/s`), ...others.map((name) => `service/${name}`), ...names.map((name) => `p95 ms ${name}`)], ...lines])) console.log(line);
}
