/** What the tests need of a PostgreSQL server, apart from the talking to it, which is in server.js. */

const MINIMUM_MAJOR = 15;
const EXTENSIONS = ['vector', 'pg_trgm', 'unaccent', 'btree_gin'];
const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1'];

/** The URLs to try, in order. A server that was named is the only candidate: a typing error must not pick another. */
export function candidates(env, osUser) {
  if (env.HIVE_TEST_DATABASE_URL) return [env.HIVE_TEST_DATABASE_URL];
  const users = [...new Set(['postgres', osUser])];
  return users.map((user) => `postgres://${encodeURIComponent(user)}@127.0.0.1:5432/postgres`);
}

/** False for what the driver would silently take for a database name. */
export const isPostgresUrl = (text) => /^postgres(ql)?:\/\//.test(text);

/** True when a host is this one: its loopback address or the directory of a Unix socket. */
export const isLocal = (host) => host.startsWith('/') || LOCAL_HOSTS.includes(host);

/** The URL without its password, for diagnostics. */
export const redact = (url) => url.replace(/^([a-z]+:\/\/[^:@/]*):.*@/i, '$1:***@').replace(/([?&]password=)[^&]*/i, '$1***');

/** What the server lacks, each as a sentence fit for a list; empty when it will do. */
export function shortfalls(facts) {
  const found = [];
  if (facts.versionNumber < MINIMUM_MAJOR * 10_000) found.push(`PostgreSQL ${MINIMUM_MAJOR} or newer is needed`);
  if (!facts.superuser && !facts.createDb) found.push('the role may not create databases (alter role ... createdb)');
  if (!facts.superuser && !facts.createRole) found.push('the role may not create roles (alter role ... createrole)');
  for (const name of EXTENSIONS) {
    const extension = facts.extensions.find((e) => e.name === name);
    if (!extension) found.push(`extension ${name} is not available (${remedy(name)})`);
    else if (extension.superuserOnly && !facts.superuser) found.push(`extension ${name} can only be created by a superuser here`);
  }
  return found;
}

const remedy = (extension) =>
  extension === 'vector'
    ? 'pgvector: on Debian or Ubuntu run tooling/postgres/install-pgvector as root'
    : 'part of the contrib modules: install postgresql-contrib';
