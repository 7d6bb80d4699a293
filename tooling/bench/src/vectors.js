import { machine, quantile, table } from './result.js';
import { createDatabase, onServer, serverUrl } from './servers.js';
import { clusteredVectors, clusterOf, CLUSTERS, DIMENSIONS, partOf } from './vectors-data.js';
import { makeVectorWorld } from './vectors-world.js';

const MODULES = { plain: './vectors-plain.js', service: './vectors-service.js', mastra: './vectors-mastra.js' };
export const VECTOR_PEERS = Object.keys(MODULES);
const WANTED = 10;
/**
 * Peers ask all queries in turn so often, after once untimed: a page that nobody has read since it was written takes the disk's time,
 * not the search's, and the end of one peer's transaction would fall into the time of another who asks right after it.
 */
const PASSES = 5;

/** What is looked for: the filter that goes with the nth query. A filter that is near keeps what is around the query, one that is far what is not. */
const casesOf = ({ farFrom }) => {
  const far = (n) => farFrom(n % CLUSTERS);
  return {
    'no filter': () => ({}),
    '1 %, near': (n) => ({ cluster: clusterOf(n) }),
    '1 %, far': (n) => ({ cluster: clusterOf(far(n)) }),
    '0.1 %, near': (n) => ({ part: partOf(n) }),
    '0.1 %, far': (n) => ({ part: partOf(far(n)) }),
  };
};

/**
 * The nearest of clustered synthetic vectors: the hive's search through its service, the best SQL by hand and Mastra's PgVector,
 * one after another in one run over one database. Recall is that against all vectors of the filter, compared in full precision.
 * A hit of the hive is an item, here a document of ten chunks; what is exact for it is the best chunk of each of the nearest items.
 */
export async function vectorsBench({ vectors, queries, only }) {
  const database = await createDatabase(serverUrl());
  const peers = [];
  try {
    const started = Date.now();
    const world = await makeVectorWorld(database.url, vectors);
    process.stderr.write(`the hive has ${vectors} vectors after ${Math.round((Date.now() - started) / 1000)} s\n`);
    for (const name of VECTOR_PEERS.filter((peer) => only.includes(peer))) {
      const { open } = await import(MODULES[name]);
      peers.push({ name, peer: await open({ url: database.url, world }) });
      process.stderr.write(`${name} is ready after ${Math.round((Date.now() - started) / 1000)} s\n`);
    }
    await onServer(database.url, (client) => client.query('checkpoint')); // what was loaded is written now, not while the searches are timed
    const result = { vectors, dimensions: DIMENSIONS, queries, rows: await measure({ url: database.url, peers, queries }) };
    print(result);
    return result;
  } finally {
    for (const { peer } of peers) await peer.close();
    await database.drop();
  }
}

async function measure({ url, peers, queries }) {
  const data = clusteredVectors();
  const vectors = Array.from({ length: queries }, (_, n) => [...data.queryOf(n)]);
  const rows = [];
  for (const [name, filterOf] of Object.entries(casesOf(data))) {
    const filters = vectors.map((_, n) => filterOf(n));
    const exact = await exactly(url, vectors, filters);
    const samples = new Map(peers.map((peer) => [peer.name, { recalls: [], millis: [] }]));
    for (let pass = 0; pass <= PASSES; pass++) {
      for (const [i] of peers.entries()) {
        const { name: peerName, peer } = peers[(pass + i) % peers.length];
        const { recalls, millis } = samples.get(peerName);
        for (const [n, vector] of vectors.entries()) {
          const started = performance.now();
          const found = await peer.search(vector, filters[n]);
          if (pass > 0) millis.push(performance.now() - started);
          else recalls.push(recallOf(found, exact[n][peerName === 'service' ? 'items' : 'chunks']));
        }
      }
    }
    rows.push({ name, peers: Object.fromEntries([...samples].map(([peerName, { recalls, millis }]) => [peerName, { recall: recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length, worstRecall: Math.min(...recalls), p50Millis: quantile(millis, 0.5), p95Millis: quantile(millis, 0.95) }])) });
    process.stderr.write('.');
  }
  return rows;
}

const recallOf = (found, expected) => expected.filter((each) => found.includes(each)).length / expected.length;

/** The nearest chunks, and the best chunks of the nearest documents, of each query by comparing all. */
function exactly(url, vectors, filters) {
  return onServer(url, async (client) => {
    await client.query(`set enable_indexscan = off; set max_parallel_workers_per_gather = 0`);
    const all = [];
    for (const [i, vector] of vectors.entries()) {
      const [column, value] = Object.entries(filters[i])[0] ?? ['true', true];
      const kept = `with kept as materialized (select n, document, embedding <=> $1 as distance from bench.item where ${column} = $2)`;
      const values = [`[${vector.join(',')}]`, value];
      const chunks = await client.query(`${kept} select n from kept order by distance limit ${WANTED}`, values);
      const items = await client.query(`${kept} select n from (select distinct on (document) n, distance from kept order by document, distance) best order by distance limit ${WANTED}`, values);
      all.push({ chunks: chunks.rows.map((row) => row.n), items: items.rows.map((row) => row.n) });
    }
    return all;
  });
}

function print({ vectors, dimensions, queries, rows }) {
  const { processors, model, memoryGiB, node, commit } = machine();
  console.log(`\nvectors: ${vectors} x ${dimensions}, ${queries} queries, one at a time; ${processors} x ${model}, ${memoryGiB} GiB, Node ${node}, commit ${commit}\n`);
  const names = Object.keys(rows[0].peers);
  const others = names.filter((name) => name !== 'service' && names.includes('service'));
  const lines = rows.map(({ name, peers }) => [
    name, ...names.flatMap((peer) => [peers[peer].recall.toFixed(3), peers[peer].worstRecall.toFixed(1), peers[peer].p50Millis.toFixed(1), peers[peer].p95Millis.toFixed(1)]), ...others.map((peer) => (peers.service.p50Millis / peers[peer].p50Millis).toFixed(2)),
  ]);
  for (const line of table([['filter', ...names.flatMap((peer) => [`${peer} recall@10`, 'worst', 'p50 ms', 'p95 ms']), ...others.map((peer) => `p50 service/${peer}`)], ...lines])) console.log(line);
}
