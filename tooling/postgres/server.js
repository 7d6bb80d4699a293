/**
 * Prints the URL of a PostgreSQL server that the tests can use, and exits 1 when there is none, saying what is missing.
 *
 *   HIVE_TEST_DATABASE_URL=$(node tooling/postgres/server.js)
 *
 * The candidates are HIVE_TEST_DATABASE_URL alone when it is set, else 127.0.0.1:5432 as `postgres` and then as the user of
 * the operating system. DATABASE_URL is not one of them: it may name a database that somebody needs. A server of this
 * host without pgvector gets it when root asks (install-pgvector). Only the URL goes to standard output.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { candidates, isLocal, isPostgresUrl, redact, shortfalls } from './requirements.js';

const CONNECT_TIMEOUT_MS = 5_000;
const INSTALLER = fileURLToPath(new URL('./install-pgvector', import.meta.url));
const say = (line) => process.stderr.write(`${line}\n`);

const FACTS = `
  select current_setting('server_version_num')::int as "versionNumber",
         current_setting('server_version') as version,
         rolname as role, rolsuper as superuser, rolcreatedb as "createDb", rolcreaterole as "createRole",
         array(select jsonb_build_object('name', e.name, 'superuserOnly', v.superuser and not v.trusted)
                 from pg_available_extensions e
                 join pg_available_extension_versions v on v.name = e.name and v.version = e.default_version) as extensions
    from pg_roles where rolname = current_user`;

/** What the server at this URL says about itself, and its host; throws when it does not answer. */
async function factsOf(url) {
  if (!isPostgresUrl(url)) throw new Error('not a URL of the form postgres://user:password@host:5432/postgres');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, query_timeout: CONNECT_TIMEOUT_MS });
  client.on('error', () => {}); // a connection lost while idle is reported by the next query
  try {
    await client.connect();
    await client.query('select 1');
    return { ...(await client.query(FACTS)).rows[0], host: client.host };
  } finally {
    await client.end().catch(() => {}); // it never connected, or is gone: there is nothing to end
  }
}

/** Installs pgvector where that can help: a server of this host, of a distribution's package, asked for by root. */
function installVector(url, facts) {
  const major = Math.floor(facts.versionNumber / 10_000);
  const installable = isLocal(facts.host) && process.getuid?.() === 0 && existsSync(`/usr/lib/postgresql/${major}/bin/postgres`);
  if (!installable || facts.extensions.some((e) => e.name === 'vector')) return false;
  say(`${redact(url)}: extension vector is missing, installing it`);
  try {
    say(execFileSync(INSTALLER, [String(major)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim());
    return true;
  } catch (error) {
    say(`install-pgvector failed: ${error.message.split('\n', 1)[0]}`);
    return false;
  }
}

/** True when the server will do; otherwise says what it lacks. */
async function isUsable(url) {
  let facts;
  try {
    facts = await factsOf(url);
    if (installVector(url, facts)) facts = await factsOf(url);
  } catch (error) {
    // A host with several addresses fails with an AggregateError, whose own message is empty.
    say(`${redact(url)}: no answer: ${error.message || error.errors?.[0]?.message || error.code}`);
    return false;
  }
  const missing = shortfalls(facts);
  if (missing.length > 0) say(`${redact(url)}: PostgreSQL ${facts.version}, role ${facts.role}: ${missing.join('; ')}`);
  else say(`${redact(url)}: PostgreSQL ${facts.version}, role ${facts.role}: usable`);
  return missing.length === 0;
}

for (const url of candidates(process.env, userInfo().username)) {
  if (await isUsable(url)) {
    process.stdout.write(`${url}\n`);
    process.exit(0);
  }
}
say('No PostgreSQL server for the tests. Start the one of your system (Debian: `pg_ctlcluster 15 main start`) or of Docker');
say('(`docker compose up --detach --wait postgres`), and name it where it is not 127.0.0.1:5432 without a password:');
say('HIVE_TEST_DATABASE_URL=postgres://postgres:password@host:5432/postgres');
process.exit(1);
