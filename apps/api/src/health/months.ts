import { withUpstream, type Database } from '@agent-hive/kernel';
import type { MikroORM } from '@mikro-orm/postgresql';
import { domains } from '../domains.js';

const schemas = withUpstream(...domains)
  .map((domain) => `'${domain.name}'`)
  .join(', ');

/** Every table of the hive that is partitioned by month, as `schema.table`. */
export async function partitionedTables(database: Database, orm: MikroORM): Promise<string[]> {
  const rows = await database.execute<{ parent: string }>(
    orm,
    `select n.nspname || '.' || c.relname as parent from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'p' and n.nspname in (${schemas}) order by 1`,
  );
  return rows.map((row) => row.parent);
}

/** The months, from this one to so many ahead, that a partitioned table lacks, as `schema.table_YYYYMM`. A row of such a month could not be written. */
export async function missingMonths(database: Database, orm: MikroORM, ahead: number): Promise<string[]> {
  const rows = await database.execute<{ missing: string }>(
    orm,
    `select n.nspname || '.' || c.relname || '_' || m.month as missing
       from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
      cross join lateral (
        select to_char(date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead), 'YYYYMM') as month
          from generate_series(0, ${ahead}) as ahead) m
      where c.relkind = 'p' and n.nspname in (${schemas})
        and not exists (select from pg_inherits i join pg_class child on child.oid = i.inhrelid
                         where i.inhparent = c.oid and child.relname = c.relname || '_' || m.month)
      order by 1`,
  );
  return rows.map((row) => row.missing);
}
