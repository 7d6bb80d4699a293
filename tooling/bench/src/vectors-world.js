import { randomBytes } from 'node:crypto';
import { BENCH_SCHEMA, callerOf } from './seeds.js';
import { onServer } from './servers.js';
import { openHiveHere } from './tasks-world.js';
import { binaryVectors, clusteredVectors, clusterOf, DIMENSIONS, partOf } from './vectors-data.js';

/** Documents have so many chunks each, all of one cluster and part. */
const CHUNKS_EACH = 10;
const BATCH = 500;
const MODEL = 'bench';

/** Half a gigabyte is what a graph of 100,000 vectors in half precision takes while it is built. */
const BUILDING = `set maintenance_work_mem = '2GB'; set max_parallel_maintenance_workers = 1`;

/**
 * Makes a database a hive with so many chunks that have a vector each, and keeps the vectors in bench.item for the peers. A
 * document's category is its cluster, and its tag its part. Answers how to be the hive's caller.
 */
export async function makeVectorWorld(url, count) {
  const key = randomBytes(24).toString('base64url');
  const hive = await openHiveHere(url, key, 2);
  try {
    const call = callerOf(hive, key);
    const { tenantId } = await call('GET', '/v1/me');
    const { id: modelId } = await call('POST', '/v1/embedding-models', { name: MODEL, dimensions: DIMENSIONS, provider: 'caller' });
    await onServer(url, async (client) => {
      await client.query(`${BENCH_SCHEMA}; create table bench.item (n int primary key, document int not null, cluster text not null, part text not null, embedding vector(${DIMENSIONS}) not null)`);
      await load(client, count);
      await client.query(BUILDING);
      await fillHive(client, { tenantId, modelId });
    });
    return { key, tenantId, model: MODEL, graph: await onServer(url, graphOf) };
  } finally {
    await hive.close();
  }
}

/** What the hive's graph is built and walked with, so that the peers' are too. */
async function graphOf(client) {
  const { rows: [{ built, walked }] } = await client.query(
    `select array_to_string((select reloptions from pg_class where oid = 'knowledge.embedding_1536_index'::regclass), ' ') as built,
            array_to_string((select proconfig from pg_proc where oid = 'knowledge.vector_candidates(halfvec, uuid, jsonb, int)'::regprocedure), ' ') as walked`);
  return { efConstruction: Number(/ef_construction=(\d+)/.exec(built)[1]), efSearch: Number(/hnsw\.ef_search=(\d+)/.exec(walked)[1]) };
}

async function load(client, count) {
  const { vectorOf } = clusteredVectors();
  const { rows: [{ oid }] } = await client.query(`select 'vector'::regtype::oid::int as oid`);
  for (let from = 0; from < count; from += BATCH) {
    const ns = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => from + i);
    await client.query(`insert into bench.item select n, 0, cluster, part, embedding from unnest($1::int[], $2::text[], $3::text[], $4::vector[]) as t(n, cluster, part, embedding)`, [ns, ns.map(clusterOf), ns.map(partOf), binaryVectors(ns.map(vectorOf), oid)]);
  }
  // Each document has neighbours of one part.
  await client.query(`update bench.item i set document = d.document from (select n, (dense_rank() over (order by part) - 1) * 1000000 + (row_number() over (partition by part order by n) - 1) / ${CHUNKS_EACH} as document from bench.item) d where d.n = i.n`);
  await client.query('vacuum (analyze) bench.item');
}

/** Documents, chunks and vectors, as the hive has them. Its index is built when all are there, as after a restore: one by one takes hours. */
async function fillHive(client, { tenantId, modelId }) {
  const values = [tenantId, modelId];
  const { rows: [{ definition }] } = await client.query(`select pg_get_indexdef('knowledge.embedding_1536_index'::regclass) as definition`);
  await client.query('begin');
  await client.query('drop index knowledge.embedding_1536_index');
  await client.query(
    `insert into knowledge.document (tenant_id, id, name, title, category, format, tags, document_metadata, current_version, created_at, updated_at)
     select $1::uuid, bench.id(document), 'document ' || document, 'document', min(cluster), 'text', jsonb_build_array(min(part)), '{}', 1, now(), now() from bench.item group by document`, values.slice(0, 1));
  await client.query(
    `insert into knowledge.chunk (tenant_id, id, document_id, position, heading, content, start_offset, end_offset, token_count, created_at)
     select $1::uuid, bench.id(1000000000 + n), bench.id(document), row_number() over (partition by document order by n), 'document', 'Chunk ' || n || ' says something about ' || part, 0, 30, 8, now() from bench.item`, values.slice(0, 1));
  await client.query(
    `insert into knowledge.embedding (tenant_id, chunk_id, model_id, item_kind, item_id, dimensions, embedding, created_at) select $1::uuid, bench.id(1000000000 + n), $2::uuid, 'document', bench.id(document), ${DIMENSIONS}, embedding::halfvec, now() from bench.item order by n`, values);
  await client.query(definition);
  await client.query(`create table bench.chunk as select bench.id(1000000000 + n) as id, n from bench.item`);
  await client.query('commit');
  for (const table of ['knowledge.document', 'knowledge.chunk', 'knowledge.embedding', 'bench.chunk']) await client.query(`vacuum (analyze) ${table}`);
}

export { BUILDING };
