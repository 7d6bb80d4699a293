import type { DatabaseSettings } from '@agent-hive/kernel';
import type { Config } from './config.js';

/** How long a server may take to accept a connection. */
const CONNECT_TIMEOUT_MS = 5_000;

/** The engine that the configuration asks for: a server when one is named, else the embedded one. */
export function databaseSettings(config: Config, logSql?: DatabaseSettings['logSql']): DatabaseSettings {
  const url = serverUrl(config);
  if (url === null) return { engine: 'embedded', dataDir: config.HIVE_DATA_DIR, logSql };
  const poolMax = config.POSTGRES_POOL_MAX ?? config.HIVE_POOL_MAX;
  return {
    engine: 'server',
    url,
    ...(config.DATABASE_MIGRATION_URL && { migrationUrl: config.DATABASE_MIGRATION_URL }),
    replicaUrls: config.DATABASE_REPLICA_URLS,
    poolMin: Math.min(config.POSTGRES_POOL_MIN ?? config.HIVE_POOL_MIN, poolMax),
    poolMax,
    prepareStatements: config.HIVE_PREPARED_STATEMENTS,
    allowSuperuser: config.HIVE_ALLOW_SUPERUSER,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    logSql,
  };
}

/** URL of the server, from DATABASE_URL or from its POSTGRES_ parts; null for the embedded engine. */
export function serverUrl(config: Config): string | null {
  if (config.DATABASE_URL) return config.DATABASE_URL;
  if (!config.POSTGRES_HOST) return null;
  const url = new URL('postgres://localhost');
  url.username = encodeURIComponent(config.POSTGRES_USER);
  url.password = encodeURIComponent(config.POSTGRES_PASSWORD ?? '');
  url.port = String(config.POSTGRES_PORT);
  url.pathname = `/${encodeURIComponent(config.POSTGRES_DB)}`;
  // The directory of a socket stands in the query, where a host cannot.
  if (config.POSTGRES_HOST.startsWith('/')) url.searchParams.set('host', config.POSTGRES_HOST);
  else url.hostname = config.POSTGRES_HOST.includes(':') ? `[${config.POSTGRES_HOST}]` : config.POSTGRES_HOST;
  return url.href;
}

/** The database in words for people and logs: never with a password. */
export function describeDatabase(settings: DatabaseSettings): string {
  if (settings.engine === 'embedded') return settings.dataDir.startsWith('memory:') ? 'embedded PostgreSQL, in memory' : `embedded PostgreSQL in ${settings.dataDir}`;
  return `PostgreSQL ${describeUrl(settings.url)}`;
}

/** `user@host:port/database` of a URL. */
export function describeUrl(text: string): string {
  const url = new URL(text);
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname);
  return `${decodeURIComponent(url.username)}@${host}:${url.port || 5432}${decodeURIComponent(url.pathname)}`;
}
