import { onServer } from './servers.js';

// Constants are gone from the texts there, so statements are told apart by what else only they say.
const KINDS = `case when query ~* '^(begin|set local)' then 'begin, role and tenant' when query ~* '^commit' then 'commit' when query ~* 'skip locked' then 'claim' when query ~* 'update tasks.attempt' then 'complete' end`;

/** How long the server takes for what a hive sends during a sample, by pg_stat_statements; null where the server has not loaded it. */
export async function serverTime(url, settings, sample) {
  if (!settings.shared_preload_libraries.includes('pg_stat_statements')) return null;
  await onServer(url, (client) => client.query('create extension if not exists pg_stat_statements; select pg_stat_statements_reset()'));
  const { count } = await sample();
  const { rows } = await onServer(url, (client) =>
    client.query(`
      select what, sum(calls)::float8 as calls, sum(total_exec_time + total_plan_time)::float8 as ms
        from (select *, ${KINDS} as what from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())) s
       where what is not null group by 1 order by 3 desc`));
  return rows.map(({ what, calls, ms }) => ({ what, calls: calls / count, micros: (ms * 1000) / count }));
}
