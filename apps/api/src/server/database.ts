import { APP_ROLE, Database, entitiesOf, migrate, pendingMigrations, withUpstream, type DatabaseSettings } from '@agent-hive/kernel';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Config } from '../config/config.js';
import { databaseSettings, describeDatabase } from '../config/database-settings.js';
import { domains, subscribers } from '../domains.js';
import { reaching, StartRefused } from './failures.js';
import { withProgress, type Io } from './io.js';

/** An open database with the application's ORM. Closing it gives a data directory free. */
export interface OpenDatabase {
  database: Database;
  orm: MikroORM;
}

/** Opens the engine of the configuration. Throws DirectoryInUse for a directory that another process holds. */
export async function openEngine(config: Config, io: Io, logSql?: DatabaseSettings['logSql']): Promise<Database> {
  const settings = databaseSettings(config, logSql);
  return withProgress(io, `Opening ${describeDatabase(settings)}`, () => Database.open(settings));
}

/** Connects as the application, before it is known whether the schema is there. Throws DatabaseUnfit for a server that is out of reach or too old. */
export async function connect(database: Database): Promise<MikroORM> {
  const orm = await database.orm({ entities: entitiesOf(withUpstream(...domains)), subscribers: subscribers(), login: 'app' });
  const { settings } = database;
  if (settings.engine === 'server') await reaching('DATABASE_URL', settings.url, () => database.verifyVersion(orm));
  return orm;
}

/** Opens the database as a server does: schema up to date, and a login that row level security binds. */
export async function openDatabase(config: Config, io: Io, logSql?: DatabaseSettings['logSql']): Promise<OpenDatabase> {
  const database = await openEngine(config, io, logSql);
  try {
    const orm = await connect(database);
    // A login that may see nothing cannot tell what is pending either. On a new server there is no role to be a member of.
    if (await knowsRoles(database, orm)) await database.verifyLogin(orm);
    const pending = await pendingMigrations(database, orm, domains);
    if (pending.length > 0 && !config.HIVE_AUTO_MIGRATE) {
      throw new StartRefused(`The database lacks migrations, ${pending[0]} first of ${pending.length}, and HIVE_AUTO_MIGRATE is false: run \`hive migrate\``);
    }
    if (pending.length > 0) await withProgress(io, 'Migrating the database', () => migrating(database, () => migrate(database, domains)));
    await database.verifyLogin(orm);
    return { database, orm };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function knowsRoles(database: Database, orm: MikroORM): Promise<boolean> {
  const [found] = await database.execute<{ known: boolean }>(orm, `select exists (select from pg_roles where rolname = '${APP_ROLE}') as known`);
  return found?.known ?? false;
}

/** Does work that logs in as who migrates; a server that is out of reach becomes DatabaseUnfit, naming the key that says where it is. */
export async function migrating<T>({ settings }: Database, work: () => Promise<T>): Promise<T> {
  if (settings.engine === 'embedded') return work();
  return settings.migrationUrl ? reaching('DATABASE_MIGRATION_URL', settings.migrationUrl, work) : reaching('DATABASE_URL', settings.url, work);
}
