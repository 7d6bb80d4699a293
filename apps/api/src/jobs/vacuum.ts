import type { Database } from '@agent-hive/kernel';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Job } from './jobs.js';

/**
 * The autovacuum of the embedded engine, which PGlite lacks: dead rows make room again, and the planner learns how tables
 * have grown. When a table's turn has come is by autovacuum's own defaults (PostgreSQL 18, "Automatic Vacuuming").
 */
export const vacuum: Job = {
  name: 'vacuum',
  everySeconds: 60,
  async run({ database, orm, signal }) {
    for (const table of await tablesInNeed(database, orm)) {
      if (signal.aborted) return;
      await database.execute(orm, `vacuum (analyze) ${table}`);
    }
  },
};

/** Tables of the hive with many dead, changed or new rows since they were last looked after, quoted as SQL needs them. */
export async function tablesInNeed(database: Database, orm: MikroORM): Promise<string[]> {
  const rows = await database.execute<{ name: string }>(
    orm,
    `select relid::regclass::text as name from pg_stat_user_tables
      where n_dead_tup > 50 + 0.2 * n_live_tup or n_mod_since_analyze > 50 + 0.1 * n_live_tup or n_ins_since_vacuum > 1000 + 0.2 * n_live_tup
      order by 1`,
  );
  return rows.map((row) => row.name);
}
