import { EntityManager, MikroORM, type EntitySchema, type EventSubscriber, type Options } from '@mikro-orm/postgresql';
import { CompiledQuery, type DatabaseConnection } from 'kysely';
import pg, { type PoolConfig } from 'pg';
import { currentContext } from '../context.js';
import { bound } from './channel-binding.js';
import { EmbeddedDriver, openEmbedded, type EmbeddedDatabase } from './embedded.engine.js';
import { PreparingClient, ServerDriver } from './server.engine.js';
import { connectionOf, requiresChannelBinding } from './server-url.js';
import { logStatements, type StatementLog } from './statement-log.js';

/** PostgreSQL in this process, in a directory or `memory://`. */
export interface EmbeddedSettings {
  engine: 'embedded';
  dataDir: string;
  /** A dump of a data directory to start from (tests). */
  loadDataDir?: Blob;
}

/** A PostgreSQL server 15 to 18 with pgvector. */
export interface ServerSettings {
  engine: 'server';
  /** Login of the application: a member of hive_app, neither superuser nor BYPASSRLS. */
  url: string;
  /** Login that runs migrations; the application's own when absent. */
  migrationUrl?: string;
  replicaUrls?: readonly string[];
  poolMin?: number;
  poolMax?: number;
  /** Off behind a transaction pooler that does not keep prepared statements. */
  prepareStatements?: boolean;
  connectTimeoutMs?: number;
  /** Development and tests: a superuser login may serve, since every tenant transaction assumes hive_app anyway. */
  allowSuperuser?: boolean;
}

export type DatabaseSettings = (EmbeddedSettings | ServerSettings) & {
  /** Receives every statement when set. */
  logSql?: StatementLog;
};

type OrmOptions = { entities: EntitySchema[]; subscribers?: EventSubscriber[]; overrides?: Options; login: 'app' | 'owner' };

/** The database cannot serve: unreachable, too old, lacking an extension, or logged in as the wrong role. The message says what to do. */
export class DatabaseUnfit extends Error {
  override readonly name = 'DatabaseUnfit';
}

const OLDEST_SERVER = 150_000;

/** One open engine; every ORM of the process (the application's, one per domain for migrations) works through it. */
export class Database {
  readonly #orms = new Set<MikroORM>();
  private constructor(
    readonly settings: DatabaseSettings,
    readonly embedded: EmbeddedDatabase | null,
  ) {}

  /** Opens the engine; for a directory, takes its exclusive lock. */
  static async open(settings: DatabaseSettings): Promise<Database> {
    if (settings.engine === 'server') return new Database(settings, null);
    return new Database(settings, await openEmbedded(settings.dataDir, { loadDataDir: settings.loadDataDir }));
  }

  get engine(): 'embedded' | 'server' {
    return this.settings.engine;
  }

  /** An ORM over the entities, as the application's login or as the owner that migrates. */
  async orm(options: OrmOptions): Promise<MikroORM> {
    const base: Partial<Options> = {
      entityManager: EntityManager,
      entities: options.entities,
      subscribers: options.subscribers ?? [],
      discovery: { warnWhenNoEntities: false },
      context: () => currentContext()?.em,
      allowGlobalContext: false,
      // MikroORM 7.2.1 checks batched versions in a separate SELECT and loses a concurrent write.
      useBatchUpdates: false,
      preferReadReplicas: false,
      ensureDatabase: false,
      forceUtcTimezone: true,
      onCreateConnection: async (connection) => {
        if (this.settings.logSql) logStatements(connection as DatabaseConnection, this.settings.logSql);
      },
      colors: false,
      ...options.overrides,
    };
    const orm = await MikroORM.init({ ...base, ...this.#driverOptions(options.login) });
    this.#orms.add(orm);
    return orm;
  }

  /** Closes one ORM before the database is closed. */
  async closeOrm(orm: MikroORM): Promise<void> {
    this.#orms.delete(orm);
    await orm.close(true);
  }

  /** Closes every ORM and the engine; a directory is free afterwards. */
  async close(): Promise<void> {
    for (const orm of this.#orms) await orm.close(true);
    this.#orms.clear();
    await this.embedded?.close();
  }

  /** Runs SQL as the login itself, outside any tenant: bootstrap, checks and catalogue reads. Never takes input of a caller. */
  async execute<T extends object>(orm: MikroORM, sql: string): Promise<T[]> {
    const kysely = orm.em.getKysely<Record<string, never>>();
    const result = await kysely.executeQuery<T>(CompiledQuery.raw(sql));
    return result.rows;
  }

  /** Refuses a server older than 15. The embedded engine brings its own version. */
  async verifyVersion(orm: MikroORM): Promise<void> {
    const [server] = await this.execute<{ version: string; text: string }>(
      orm,
      `select current_setting('server_version_num') as version, current_setting('server_version') as text`,
    );
    if (!server || Number(server.version) < OLDEST_SERVER) {
      throw new DatabaseUnfit(`PostgreSQL ${server?.text} is too old: Agent Hive needs 15 or newer`);
    }
  }

  /** Refuses an application login that row level security does not bind, or that may not assume hive_app. */
  async verifyLogin(orm: MikroORM): Promise<void> {
    if (this.settings.engine === 'embedded') return;
    const [login] = await this.execute<{ name: string; unsafe: boolean; member: boolean }>(
      orm,
      `select rolname as name, rolsuper or rolbypassrls as unsafe, pg_has_role(current_user, 'hive_app', 'member') as member
         from pg_roles where rolname = current_user`,
    );
    if (!login?.member) throw new DatabaseUnfit(`DATABASE_URL logs in as ${login?.name}, which is no member of hive_app: grant hive_app to ${login?.name}`);
    if (login.unsafe && !this.settings.allowSuperuser) {
      throw new DatabaseUnfit(
        `DATABASE_URL logs in as ${login.name}, which bypasses row level security. Use a login that is a member of hive_app and neither ` +
          'superuser nor BYPASSRLS, and give the privileged one as DATABASE_MIGRATION_URL. For development, HIVE_ALLOW_SUPERUSER=true permits it.',
      );
    }
  }

  // The drivers are not PostgreSqlDriver, which fixes its connection class; everything the hive calls on one is in the SQL base class.
  #driverOptions(login: 'app' | 'owner'): Partial<Options> {
    const settings = this.settings;
    if (settings.engine === 'embedded') {
      return { driver: EmbeddedDriver, dbName: 'memory://', driverOptions: { pglite: this.embedded!.pglite } } as unknown as Partial<Options>;
    }
    const clientUrl = login === 'owner' ? (settings.migrationUrl ?? settings.url) : settings.url;
    const Client = settings.prepareStatements === false ? pg.Client : PreparingClient;
    const pool: PoolConfig & { pipeline: true } = {
      pipeline: true,
      connectionTimeoutMillis: settings.connectTimeoutMs ?? 10_000,
      ...(login === 'owner' && { max: 2 }),
    };
    // A function, since MikroORM copies the options of a replica deeply.
    const connecting = (url: string) => () => ({ ...pool, Client: requiresChannelBinding(url) ? bound(Client) : Client, ...connectionOf(url) });
    const replicas = login === 'app' ? (settings.replicaUrls ?? []).map((url, i) => ({ clientUrl: url, name: `replica-${i + 1}`, driverOptions: connecting(url) })) : [];
    return {
      driver: ServerDriver,
      clientUrl,
      pool: login === 'owner' ? { min: 0, max: 2 } : { min: settings.poolMin ?? 2, max: settings.poolMax ?? 10 },
      driverOptions: connecting(clientUrl),
      ...(replicas.length && { replicas }),
    } as unknown as Partial<Options>;
  }
}
