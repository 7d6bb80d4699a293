import pg from 'pg';
import { BUILDING } from './vectors-world.js';
import { DIMENSIONS } from './vectors-data.js';

/**
 * pgvector by hand, as well as one can: a table of its own in half precision, not compressed, with an HNSW index and one of
 * each filter; named statements. Without a filter it walks the graph, which is built and walked as the hive's, with one it compares all that the filter keeps.
 */
export async function open({ url, world: { graph } }) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`${BUILDING}; create table bench.plain (n int primary key, cluster text not null, part text not null, content text not null, embedding halfvec(${DIMENSIONS}) not null)`);
  await client.query(`alter table bench.plain alter column embedding set storage plain`);
  await client.query(`insert into bench.plain select n, cluster, part, 'Chunk ' || n || ' says something about ' || part, embedding::halfvec from bench.item order by n`);
  await client.query(`create index on bench.plain (cluster)`);
  await client.query(`create index on bench.plain (part)`);
  await client.query(`create index on bench.plain using hnsw (embedding halfvec_cosine_ops) with (ef_construction = ${graph.efConstruction})`);
  await client.query(`vacuum (analyze) bench.plain`);
  await client.query(`set hnsw.ef_search = ${graph.efSearch}; set hnsw.iterative_scan = relaxed_order; set jit = off`);
  const nearest = (where) => `select n, content, 1 - (embedding <=> $1) as similarity from bench.plain ${where} order by embedding <=> $1 limit 10`;
  const exact = (column) => `with kept as materialized (select n, content, embedding from bench.plain where ${column} = $2) select n, content, 1 - (embedding <=> $1) as similarity from kept order by embedding <=> $1 limit 10`;
  return {
    search: async (vector, { cluster, part }) => {
      const text = `[${vector.join(',')}]`;
      const [name, sql, value] = part ? ['part', exact('part'), part] : cluster ? ['cluster', exact('cluster'), cluster] : ['all', nearest(''), undefined];
      const { rows } = await client.query({ name, text: sql, values: value === undefined ? [text] : [text, value] });
      return rows.map((row) => row.n);
    },
    close: () => client.end(),
  };
}
