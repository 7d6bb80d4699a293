import { PgVector } from '@mastra/pg';
import { onServer } from './servers.js';
import { DIMENSIONS } from './vectors-data.js';

const INDEX = 'bench';
const SCHEMA = 'mastra';

/** PgVector of Mastra, by its own calls, told to do its best: half precision, an HNSW index that is built and walked as the hive's, and one of each key that is filtered by. */
export async function open({ url, world: { graph } }) {
  const store = new PgVector({ id: 'bench', connectionString: url, schemaName: SCHEMA, max: 2, pgPoolOptions: { options: '-c maintenance_work_mem=2GB' } });
  const indexConfig = { type: 'hnsw', hnsw: { m: 16, efConstruction: graph.efConstruction } };
  await store.createIndex({ indexName: INDEX, dimension: DIMENSIONS, metric: 'cosine', vectorType: 'halfvec', metadataIndexes: ['cluster', 'part'], indexConfig, buildIndex: false });
  // What upsert() would write, without sending each vector as text.
  await onServer(url, (client) =>
    client.query(`insert into ${SCHEMA}.${INDEX} (vector_id, embedding, metadata) select n::text, embedding::halfvec, jsonb_build_object('cluster', cluster, 'part', part, 'text', 'Chunk ' || n || ' says something about ' || part) from bench.item order by n`),
  );
  await store.buildIndex({ indexName: INDEX, metric: 'cosine', indexConfig });
  await onServer(url, (client) => client.query(`vacuum (analyze) ${SCHEMA}.${INDEX}`));
  return {
    search: async (queryVector, filter) => (await store.query({ indexName: INDEX, queryVector, topK: 10, ef: graph.efSearch, ...(Object.keys(filter).length > 0 && { filter }) })).map(({ id }) => Number(id)),
    close: () => store.disconnect(),
  };
}
