import { connect, domains, openEngine, readConfig, type Config } from '@agent-hive/api';
import type { Database } from '@agent-hive/kernel';
import type { MikroORM } from '@mikro-orm/postgresql';
import { quiet, type Context } from './context.js';

/** Opens the database of the environment for one command, as its migrations and checks need it: schema as it is. */
export async function withDatabase<T>({ env, io }: Context, work: (database: Database, config: Config) => Promise<T>): Promise<T> {
  const { config, warnings } = readConfig(quiet(env));
  for (const warning of warnings) io.err(`Warning: ${warning}`);
  const database = await openEngine(config, io);
  try {
    return await work(database, config);
  } finally {
    await database.close();
  }
}

/** The same, connected as the application. */
export const withOrm = <T>(context: Context, work: (database: Database, orm: MikroORM, config: Config) => Promise<T>): Promise<T> =>
  withDatabase(context, async (database, config) => work(database, await connect(database), config));

export { domains };
