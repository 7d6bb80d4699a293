import { connect, domains, openEngine, readConfig, type Config } from '@agent-hive/api';
import { embeddedExists, withUpstream, type Database, type DomainStatus } from '@agent-hive/kernel';
import type { MikroORM } from '@mikro-orm/postgresql';
import { quiet, type Context } from './context.js';

/** Where the data directory is in which there is no database yet; null where there is one, or none is needed. Opening it would make one. */
export function absentDirectory(config: Config): string | null {
  const { DATABASE_URL, POSTGRES_HOST, HIVE_DATA_DIR } = config;
  return DATABASE_URL || POSTGRES_HOST || HIVE_DATA_DIR.startsWith('memory:') || embeddedExists(HIVE_DATA_DIR) ? null : HIVE_DATA_DIR;
}

/** What there is to say of such a directory. */
export const noDatabase = (directory: string): string => `no database in ${directory} yet: hive start makes one`;

/**
 * Does work that needs no database to be there, with the one of the environment. Where there is none, none is made: it is said on
 * `io`, and the work is done with null.
 */
export async function withExisting<T>(context: Context, work: (database: Database | null) => Promise<T>): Promise<T> {
  const { config, warnings } = readConfig(quiet(context.env));
  const directory = absentDirectory(config);
  if (directory === null) return withDatabase(context, work);
  for (const line of [...warnings.map((w) => `Warning: ${w}`), `There is ${noDatabase(directory)}`]) context.io.err(line);
  return work(null);
}

/** Where every domain stands before its first migration. */
export const untouched = (): DomainStatus[] => withUpstream(...domains).map(({ name, migrations }) => ({ domain: name, executed: [], pending: migrations.map((m) => m.name), unknown: [], changed: [] }));

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
