import { SERVER_URL_PARAMETERS } from '@agent-hive/kernel';
import { choice, flag, host, integer, networks, text, url, urls, type ConfigKey } from './key.js';

const POSTGRES = { schemes: ['postgres', 'postgresql'], parameters: SERVER_URL_PARAMETERS } as const;
const HTTP = ['http', 'https'] as const;

/** Every key that the hive reads. docs/configuration.md has a row for each, and a test compares the two. */
export const KEYS = {
  PORT: integer({ min: 0, max: 65_535, default: 3000, description: 'Port of the API. A busy one gives way to the next free one, which is said aloud; 0 is any free one.' }),
  HOST: host({ allowed: 'an address or a host name', default: '127.0.0.1', description: 'Address to listen on. `0.0.0.0` is every interface: put TLS in front of it.' }),
  HIVE_DATA_DIR: text({ pattern: /^(?:memory:\/\/|(?!memory:|file:|[a-z][a-z\d+.-]*:\/\/)(?=.*\S)[^\0]+)$/is, allowed: 'a directory, or `memory://`', default: './.hive/data', description: 'Data directory of the embedded database, relative to the current directory. `memory://` forgets everything at exit.' }),
  DATABASE_TYPE: choice({ of: ['postgresql'], default: 'postgresql', description: 'For those who come with it: the embedded database and a server are both PostgreSQL, and SQLite is not supported.' }),
  DATABASE_URL: url({ ...POSTGRES, secret: true, description: 'A PostgreSQL server 15 to 18 with pgvector, in place of the embedded database. The login is a member of hive_app and neither superuser nor BYPASSRLS.' }),
  DATABASE_MIGRATION_URL: url({ ...POSTGRES, secret: true, description: 'Login that migrates; the one of DATABASE_URL when absent.' }),
  DATABASE_REPLICA_URLS: urls({ ...POSTGRES, secret: true, description: 'Read replicas, for lists and searches that may lag.' }),
  POSTGRES_HOST: host({ orDirectory: true, allowed: 'an address, a host name, or the directory of a socket', default: null, description: 'The server in parts, in place of DATABASE_URL.' }),
  POSTGRES_PORT: integer({ min: 1, max: 65_535, default: 5432, description: 'Port of POSTGRES_HOST.' }),
  POSTGRES_USER: text({ pattern: /^.+$/, allowed: 'the name of a login', default: 'postgres', description: 'Login on POSTGRES_HOST.' }),
  POSTGRES_PASSWORD: text({ pattern: /^[^\0]+$/, allowed: 'a password', default: null, secret: true, description: 'Password of POSTGRES_USER.' }),
  POSTGRES_DB: text({ pattern: /^.+$/, allowed: 'the name of a database', default: 'postgres', description: 'Database on POSTGRES_HOST.' }),
  HIVE_POOL_MIN: integer({ min: 0, max: 49, default: 2, description: 'Connections that are kept open.' }),
  HIVE_POOL_MAX: integer({ min: 1, max: 49, default: 10, description: 'Most connections of one process. More than about 10 gain nothing on 2 cores.' }),
  POSTGRES_POOL_MIN: optional(integer({ min: 0, max: 49, default: 0, description: 'Another name of HIVE_POOL_MIN; wins over it.' })),
  POSTGRES_POOL_MAX: optional(integer({ min: 1, max: 49, default: 1, description: 'Another name of HIVE_POOL_MAX; wins over it.' })),
  HIVE_PREPARED_STATEMENTS: flag({ default: true, description: 'Prepare statements once per connection. `false` behind a transaction pooler that does not keep them.' }),
  HIVE_ALLOW_SUPERUSER: flag({ default: false, description: 'Development only: serve with a login that row level security does not bind.' }),
  HIVE_AUTO_MIGRATE: flag({ default: true, description: 'Migrate at start. `false` where `hive migrate` runs as a step of its own: start then refuses a database that lacks a migration.' }),
  HIVE_ADMIN_KEY: text({ pattern: /^[\x21-\x7e]{32,}$/, allowed: '32 printable characters or more, without spaces', default: null, secret: true, description: 'Administers the tenant `default` and creates tenants; compared in constant time and stored nowhere.' }),
  HIVE_SIGNING_KEY_FILE: text({ pattern: /^[^\0]+$/, allowed: 'a file', default: null, description: 'Ed25519 private key (PKCS #8 PEM) that signs the checkpoints of the record. A new one takes the place of the key that signed before. Without one, the hive makes a key at its first start and keeps it in the data directory, or in HIVE_KEYS_DIR.' }),
  HIVE_SIGNING_KEY: text({ pattern: /^-----BEGIN PRIVATE KEY-----(?:\s|\\n)[\s\S]+$/, allowed: 'the text of a private key in PEM', default: null, secret: true, description: 'The same key as text, in place of the file; `\\n` stands for the end of a line.' }),
  HIVE_KEYS_DIR: text({ pattern: /^[^\0]+$/, allowed: 'a directory', default: './.hive/keys', description: 'Where the keys that the hive makes are kept when the database is on a server, of the owner alone: `signing-key.pem`, which signs the record, and `hive-encryption.key`, which wraps the keys of encrypted columns. Keep them: without the first nobody can sign as before, without the second nobody can read those columns. With the embedded database they are in its data directory.' }),
  HIVE_ENV: text({ pattern: /^[a-z]{1,20}$/, allowed: '1 to 20 lower-case letters', default: 'local', description: 'Name of the environment; part of every API key, so that one of another environment is told at sight.' }),
  LOG_LEVEL: choice({ of: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], default: 'info', description: 'Least severe log line that is written. Logs are JSON lines on standard error.' }),
  HIVE_LOG_SQL: flag({ default: false, description: 'Log every SQL statement with its duration, whatever LOG_LEVEL is. Statements hold data of tenants.' }),
  HIVE_TRUST_PROXY: networks({ description: 'Proxies whose X-Forwarded-For is believed.' }),
  HIVE_BODY_LIMIT_BYTES: integer({ min: 1024, max: 67_108_864, default: 1_048_576, description: 'Largest body of an operation that states no limit of its own.' }),
  HIVE_MESSAGE_MAX_BYTES: integer({ min: 1024, max: 2_000_000, default: 1_048_576, description: 'Largest content of one message, as UTF-8. The body of the request that brings it may have 2 MiB.' }),
  HIVE_RATE_LIMIT_PER_SECOND: integer({ min: 0, max: 1_000_000, default: 0, description: 'Requests a second of one API key, counted in each process; a burst of one second is let through. 0 is no limit.' }),
  HIVE_SHUTDOWN_SECONDS: integer({ min: 1, max: 600, default: 10, description: 'Within how many seconds of SIGTERM the process is gone; requests in flight have until a second before.' }),
  HIVE_STALE_AFTER_SECONDS: integer({ min: 5, max: 86_400, default: 90, description: 'An active agent without a heartbeat for this long is stale.' }),
  HIVE_INSIGHTS_URL: url({ schemes: HTTP, description: 'Base URL of an OpenAI-compatible service that computes insights in place of the hive\'s own computation and estimates tasks before they are assigned, such as `https://host/v1`.' }),
  HIVE_INSIGHTS_MODEL: text({ pattern: /^\S{1,200}$/, allowed: 'the name of a model', default: null, description: 'Model of that service.' }),
  HIVE_INSIGHTS_KEY: text({ pattern: /^[\x21-\x7e]+$/, allowed: 'printable characters without spaces', default: null, secret: true, description: 'Key of that service.' }),
  HIVE_INSIGHTS_TIMEOUT_MS: integer({ min: 100, max: 120_000, default: 10_000, description: 'How long one answer of that service may take.' }),
  HIVE_DOCUMENT_MAX_BYTES: integer({ min: 1024, max: 12_582_912, default: 10_000_000, description: 'Largest text of a document, as UTF-8.' }),
  HIVE_EMBEDDINGS_URL: url({ schemes: HTTP, description: 'Base URL of an OpenAI-compatible service that computes embeddings, such as `https://host/v1`. Without one the hive embeds by words and parts of words.' }),
  HIVE_EMBEDDINGS_MODEL: text({ pattern: /^\S{1,200}$/, allowed: 'the name of a model', default: null, description: 'Model of that service; a tenant\'s first embedding model is of this name.' }),
  HIVE_EMBEDDINGS_DIMENSIONS: integer({ min: 1, max: 4000, default: 1536, description: 'Dimensions of that model\'s vectors. Those of 1536 have an index.' }),
  HIVE_EMBEDDINGS_KEY: text({ pattern: /^[\x21-\x7e]+$/, allowed: 'printable characters without spaces', default: null, secret: true, description: 'Key of that service.' }),
  HIVE_EMBEDDINGS_TIMEOUT_MS: integer({ min: 100, max: 120_000, default: 5_000, description: 'How long one answer of that service may take; a search waits as long at most, and then answers by words.' }),
  HIVE_ENCRYPTION_KEY: text({ pattern: /^[A-Za-z0-9+/=\s,]{43,}$/, allowed: '32 bytes in base64 or hex (`openssl rand -base64 32`); several, the newest first, separated by commas', default: null, secret: true, description: 'Key that wraps the keys of tenants, which encrypt sensitive columns. The first wraps, all of them unwrap.' }),
  HIVE_ENCRYPTION_KEY_FILE: text({ pattern: /^(?=.*\S)[^\0]+$/, allowed: 'a file', default: null, description: 'File with that key, in place of HIVE_ENCRYPTION_KEY. Without either, one is made at the first start, in the data directory or in HIVE_KEYS_DIR.' }),
  HIVE_ARCHIVE_DIR: text({ pattern: /^(?=.*\S)[^\0]+$/, allowed: 'a directory', default: './.hive/archives', description: 'Where rows go that retention takes out of the database, as compressed files.' }),
  HIVE_ARCHIVE_S3_BUCKET: text({ pattern: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, allowed: 'the name of a bucket', default: null, description: 'Bucket of Amazon S3, or of what speaks like it, in place of HIVE_ARCHIVE_DIR.' }),
  HIVE_ARCHIVE_S3_REGION: text({ pattern: /^[a-z0-9-]{1,50}$/, allowed: 'the name of a region', default: 'us-east-1', description: 'Region of that bucket.' }),
  HIVE_ARCHIVE_S3_ENDPOINT: url({ schemes: HTTP, description: 'Server of that bucket, where it is not Amazon.' }),
  HIVE_ARCHIVE_S3_PREFIX: text({ pattern: /^[\w./-]{1,200}$/, allowed: 'a beginning of keys', default: null, description: 'What the keys of archives begin with, such as `hive/`.' }),
  HIVE_ARCHIVE_S3_ACCESS_KEY_ID: text({ pattern: /^\S+$/, allowed: 'an access key id', default: null, description: 'Access key of that bucket; without it, what the AWS SDK finds by itself.' }),
  HIVE_ARCHIVE_S3_SECRET_ACCESS_KEY: text({ pattern: /^\S+$/, allowed: 'a secret access key', default: null, secret: true, description: 'Secret of that access key.' }),
  HIVE_WEBHOOK_ALLOWED_NETWORKS: networks({ description: 'Networks beside the public addresses that webhooks may lead to, over http too. Whoever may make webhooks reaches what listens there.' }),
  HIVE_WEBHOOK_TIMEOUT_MS: integer({ min: 100, max: 60_000, default: 10_000, description: 'How long one attempt at a delivery may take.' }),
  HIVE_WEBHOOK_MAX_ATTEMPTS: integer({ min: 1, max: 20, default: 12, description: 'Attempts after which a delivery is a dead letter. 12 take about a day.' }),
} satisfies Record<string, ConfigKey<unknown>>;

export type KeyName = keyof typeof KEYS;

/** The key with no default of its own. */
function optional<T>(key: ConfigKey<T>): ConfigKey<T | null> {
  return { ...key, default: null };
}
