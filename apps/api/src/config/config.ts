import { KEYS, type KeyName } from './keys.js';
import type { ConfigKey } from './key.js';

type ValueOf<K> = K extends ConfigKey<infer T> ? T : never;

/** The whole configuration, by the names of its keys. */
export type Config = { readonly [K in KeyName]: ValueOf<(typeof KEYS)[K]> };

/** What a process is started with: `process.env`, or a record of a test. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One key with a value that cannot be. Secrets are masked. */
export interface BrokenKey {
  key: string;
  value: string;
  allowed: string;
}

/** The configuration cannot be: the message lists every broken key with its value and what is allowed. */
export class ConfigInvalid extends Error {
  override readonly name = 'ConfigInvalid';
  constructor(readonly broken: readonly BrokenKey[]) {
    super(['The configuration is not valid:', ...broken.map(({ key, value, allowed }) => `  ${key}=${value} must be ${allowed}`), 'All keys: docs/configuration.md'].join('\n'));
  }
}

/**
 * Reads the configuration. A key that is absent or empty has its default. Throws ConfigInvalid with all broken keys at
 * once; `warnings` name HIVE_ keys that nobody knows, with the one that was probably meant.
 */
export function readConfig(env: Environment): { config: Config; warnings: string[] } {
  const broken: BrokenKey[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, kind] of Object.entries(KEYS) as [KeyName, ConfigKey<unknown>][]) {
    const text = env[key];
    const value = text === undefined || text === '' ? kind.default : kind.parse(text);
    if (value === undefined) broken.push({ key, value: kind.secret ? '***' : JSON.stringify(text), allowed: kind.allowed });
    values[key] = value;
  }
  // Rules between keys speak about values, so they wait until every one of them is one.
  if (broken.length === 0) broken.push(...contradictions(values as Config, env));
  if (broken.length > 0) throw new ConfigInvalid(broken);
  return { config: values as Config, warnings: unknownKeys(env) };
}

function contradictions(config: Config, env: Environment): BrokenKey[] {
  const broken: BrokenKey[] = [];
  const max = config.POSTGRES_POOL_MAX ?? config.HIVE_POOL_MAX;
  // Only a stated minimum contradicts: the default one gives way to a small maximum.
  for (const key of ['HIVE_POOL_MIN', 'POSTGRES_POOL_MIN'] as const) {
    if (env[key] && config[key]! > max) broken.push({ key, value: env[key], allowed: `no more than the largest pool, which is ${max}` });
  }
  if (config.DATABASE_URL && config.POSTGRES_HOST) {
    broken.push({ key: 'POSTGRES_HOST', value: config.POSTGRES_HOST, allowed: 'absent beside DATABASE_URL: give the server one way or the other' });
  }
  if (config.HIVE_SIGNING_KEY && config.HIVE_SIGNING_KEY_FILE) broken.push({ key: 'HIVE_SIGNING_KEY', value: '***', allowed: 'absent beside HIVE_SIGNING_KEY_FILE: give the key one way or the other' });
  for (const key of ['DATABASE_MIGRATION_URL', 'DATABASE_REPLICA_URLS'] as const) {
    if (config[key]?.length && !config.DATABASE_URL && !config.POSTGRES_HOST) broken.push({ key, value: '***', allowed: 'absent without DATABASE_URL: the embedded engine has one login and no replicas' });
  }
  broken.push(...contradictoryUrls(config));
  for (const key of ['POSTGRES_DB', 'POSTGRES_PASSWORD'] as const) {
    if (env[key] && !config.POSTGRES_HOST) broken.push({ key, value: '***', allowed: 'absent without POSTGRES_HOST: no server is named that it would be of' });
  }
  if (config.HIVE_INSIGHTS_MODEL && !config.HIVE_INSIGHTS_URL) broken.push({ key: 'HIVE_INSIGHTS_MODEL', value: JSON.stringify(config.HIVE_INSIGHTS_MODEL), allowed: 'absent without HIVE_INSIGHTS_URL: no service is named that it would be of' });
  if (config.HIVE_INSIGHTS_URL && !config.HIVE_INSIGHTS_MODEL) broken.push({ key: 'HIVE_INSIGHTS_MODEL', value: '', allowed: 'the name of a model, beside HIVE_INSIGHTS_URL' });
  if (config.HIVE_EMBEDDINGS_MODEL && !config.HIVE_EMBEDDINGS_URL) broken.push({ key: 'HIVE_EMBEDDINGS_MODEL', value: JSON.stringify(config.HIVE_EMBEDDINGS_MODEL), allowed: 'absent without HIVE_EMBEDDINGS_URL: no service is named that it would be of' });
  if (config.HIVE_EMBEDDINGS_URL && !config.HIVE_EMBEDDINGS_MODEL) broken.push({ key: 'HIVE_EMBEDDINGS_MODEL', value: '', allowed: 'the name of a model, beside HIVE_EMBEDDINGS_URL' });
  if ((config.HIVE_ARCHIVE_S3_ACCESS_KEY_ID === null) !== (config.HIVE_ARCHIVE_S3_SECRET_ACCESS_KEY === null)) broken.push({ key: 'HIVE_ARCHIVE_S3_SECRET_ACCESS_KEY', value: '***', allowed: 'given together with HIVE_ARCHIVE_S3_ACCESS_KEY_ID' });
  if (config.HIVE_ARCHIVE_S3_ENDPOINT && !config.HIVE_ARCHIVE_S3_BUCKET) broken.push({ key: 'HIVE_ARCHIVE_S3_BUCKET', value: '', allowed: 'the name of a bucket, beside HIVE_ARCHIVE_S3_ENDPOINT' });
  if (config.HIVE_ENCRYPTION_KEY && config.HIVE_ENCRYPTION_KEY_FILE) broken.push({ key: 'HIVE_ENCRYPTION_KEY_FILE', value: JSON.stringify(config.HIVE_ENCRYPTION_KEY_FILE), allowed: 'absent beside HIVE_ENCRYPTION_KEY: give the key one way or the other' });
  return broken;
}

const BINDINGS = ['disable', 'prefer', 'require'];

/** What the parameters of the URLs of servers may be, where more than their names decides. */
function contradictoryUrls(config: Config): BrokenKey[] {
  const broken: BrokenKey[] = [];
  for (const key of ['DATABASE_URL', 'DATABASE_MIGRATION_URL', 'DATABASE_REPLICA_URLS'] as const) {
    for (const url of [config[key] ?? []].flat()) {
      const query = new URL(url).searchParams;
      const [timeout, binding, mode] = [query.get('connect_timeout'), query.get('channel_binding'), query.get('sslmode')];
      const hasTls = (mode !== null && mode !== 'disable') || query.get('sslnegotiation') === 'direct';
      const refuse = (allowed: string) => broken.push({ key, value: '***', allowed });
      if (timeout !== null && !/^\d{1,4}$/.test(timeout)) refuse('a URL whose `connect_timeout` is a whole number of seconds');
      if (binding !== null && !BINDINGS.includes(binding)) refuse('a URL whose `channel_binding` is `disable`, `prefer` or `require`');
      if (binding === 'require' && !hasTls) refuse('a URL with TLS, such as `sslmode=verify-full`, where `channel_binding=require` stands: there is no channel to bind to');
    }
  }
  return broken;
}

/** Keys of the tests and of clients; the server leaves them to those. */
const FOREIGN = /^HIVE_(TEST_.*|URL|KEY)$/;

function unknownKeys(env: Environment): string[] {
  const names = Object.keys(KEYS);
  return Object.keys(env)
    .filter((key) => key.startsWith('HIVE_') && !FOREIGN.test(key) && !names.includes(key))
    .sort()
    .map((key) => {
      const [nearest] = names.map((name) => ({ name, edits: distance(key, name) })).sort((a, b) => a.edits - b.edits);
      const hint = nearest && nearest.edits <= 4 ? `did you mean ${nearest.name}?` : 'all keys: docs/configuration.md';
      return `Nothing reads ${key}; ${hint}`;
    });
}

/** Levenshtein distance: the fewest insertions, deletions and substitutions that turn one text into the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
