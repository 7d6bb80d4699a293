/** Calls the API of a hive in this process as the holder of a key. Throws on what is no success. */
export const callerOf = (hive, key) => async (method, path, body) => {
  const answer = await hive.app.inject({ method, url: path, headers: { authorization: `Bearer ${key}` }, payload: body });
  if (answer.statusCode >= 300) throw new Error(`${method} ${path} answered ${answer.statusCode}: ${answer.body}`);
  return answer.json();
};

/** Schema `bench` with ids as the services mint them: UUIDv7, in the order of n, and alike in one transaction, so that rows can refer to each other. */
export const BENCH_SCHEMA = `
  create schema bench;
  create function bench.id(n bigint) returns uuid language sql stable as $$
    select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint + n / 4096), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || right(md5(now()::text || n), 15))::uuid
  $$`;

/** Inserts each row of `seed` for each row of `from`, with expressions over both in place of some columns. */
export async function copyRows(client, { table, seed, from, order = '', replaced }) {
  const { rows } = await client.query(`select quote_ident(attname) as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`, [table]);
  const columns = rows.map((row) => row.name);
  await client.query(`insert into ${table} (${columns.join(', ')}) select ${columns.map((name) => replaced[name] ?? `s.${name}`).join(', ')} from ${seed} s cross join ${from} ${order}`);
}
