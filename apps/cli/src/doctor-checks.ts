import { missingMonths, poolStatus } from '@agent-hive/api';
import { pendingMigrations, withUpstream, type Database } from '@agent-hive/kernel';
import type { MikroORM } from '@mikro-orm/postgresql';
import { domains } from './database.js';
import { drift } from './drift.js';

/** What one check found. */
export interface Finding {
  check: string;
  status: 'ok' | 'warn' | 'fail';
  detail: string;
}

const EXTENSIONS = ['vector', 'pg_trgm', 'unaccent', 'btree_gin'];
const MONTHS_AHEAD = 3;

const ok = (check: string, detail: string): Finding => ({ check, status: 'ok', detail });
const warn = (check: string, detail: string): Finding => ({ check, status: 'warn', detail });
const fail = (check: string, detail: string): Finding => ({ check, status: 'fail', detail });

/** The engine, its extensions, the login, the pool and autovacuum. */
export async function checkConnection(database: Database, orm: MikroORM): Promise<Finding[]> {
  const [server] = await database.execute<{ version: string; encoding: string }>(orm, `select current_setting('server_version') as version, current_setting('server_encoding') as encoding`);
  const engine = database.engine === 'embedded' ? `embedded (PGlite), ${database.embedded?.directory ?? 'in memory'}` : 'server';
  const encoding = server!.encoding === 'UTF8' ? ok('encoding', 'UTF8') : fail('encoding', `${server!.encoding}: texts need UTF8`);
  return [ok('engine', `${engine}, PostgreSQL ${server!.version}`), encoding, await extensions(database, orm), ...(await login(database, orm)), await pool(database, orm), await autovacuum(database, orm)];
}

/** The schema against what this code was built for. */
export async function checkSchema(database: Database, orm: MikroORM): Promise<Finding[]> {
  const pending = await pendingMigrations(database, orm, domains);
  const findings = [pending.length === 0 ? ok('migrations', 'none pending') : fail('migrations', `${pending.length} pending: ${pending.join(', ')}; run: hive migrate`)];
  if (pending.length > 0) return findings;
  const unknown = await unknownMigrations(database, orm);
  if (unknown.length > 0) findings.push(warn('newer', `the database has migrations that this version does not know: ${unknown.join(', ')}`));
  else findings.push(await drifted(orm));
  findings.push(await rowSecurity(database, orm), await months(database, orm));
  return findings;
}

async function extensions(database: Database, orm: MikroORM): Promise<Finding> {
  const rows = await database.execute<{ name: string; version: string }>(orm, `select extname as name, extversion as version from pg_extension`);
  const missing = EXTENSIONS.filter((name) => !rows.some((row) => row.name === name));
  if (missing.length > 0) return fail('extensions', `missing: ${missing.join(', ')}; hive migrate creates them where the server has them`);
  return ok('extensions', EXTENSIONS.map((name) => `${name} ${rows.find((row) => row.name === name)!.version}`).join(', '));
}

async function login(database: Database, orm: MikroORM): Promise<Finding[]> {
  if (database.engine === 'embedded') return [ok('login', 'the only one; every transaction assumes hive_app')];
  const [row] = await database.execute<{ name: string; unsafe: boolean; app: boolean }>(
    orm,
    `select l.rolname as name, l.rolsuper or l.rolbypassrls as unsafe,
            coalesce((select pg_has_role(l.oid, r.oid, 'member') from pg_roles r where r.rolname = 'hive_app'), true) as app
       from pg_roles l where l.rolname = current_user`,
  );
  const { name, unsafe, app } = row!;
  if (!app) return [fail('membership', `${name} is no member of hive_app: grant hive_app to ${name}`)];
  const { settings } = database;
  const allowed = settings.engine === 'server' && settings.allowSuperuser;
  return [
    unsafe
      ? (allowed ? warn : fail)('login', `${name} bypasses row level security${allowed ? ', which HIVE_ALLOW_SUPERUSER permits: not for production' : ': hive start refuses it'}`)
      : ok('login', `${name} is bound by row level security`),
  ];
}

async function pool(database: Database, orm: MikroORM): Promise<Finding> {
  const status = await poolStatus(database, orm);
  if (!status) return ok('pool', 'one connection, for which transactions queue');
  const [limits] = await database.execute<{ allowed: string; used: string }>(orm, `select current_setting('max_connections') as allowed, (select count(*) from pg_stat_activity where backend_type = 'client backend') as used`);
  const detail = `at most ${status.max} connections; the server has ${limits!.used} of ${limits!.allowed} in use`;
  return Number(limits!.used) + status.max > Number(limits!.allowed) ? warn('pool', `${detail}: too few are left`) : ok('pool', detail);
}

async function autovacuum(database: Database, orm: MikroORM): Promise<Finding> {
  if (database.engine === 'embedded') return ok('autovacuum', 'a job of the running hive does its work');
  const [row] = await database.execute<{ on: boolean }>(orm, `select current_setting('autovacuum')::boolean and current_setting('track_counts')::boolean as on`);
  return row!.on ? ok('autovacuum', 'on') : warn('autovacuum', 'off: dead rows pile up, and plans are made for tables as they were when empty; set autovacuum = on, or vacuum and analyze by other means');
}

async function unknownMigrations(database: Database, orm: MikroORM): Promise<string[]> {
  const unknown: string[] = [];
  for (const domain of withUpstream(...domains)) {
    const rows = await database.execute<{ name: string }>(orm, `select name from "${domain.name}".migrations`);
    unknown.push(...rows.filter((row) => !domain.migrations.some((m) => m.name === row.name)).map((row) => `${domain.name}/${row.name}`));
  }
  return unknown;
}

async function drifted(orm: MikroORM): Promise<Finding> {
  const found = await drift(orm);
  return found.length === 0 ? ok('drift', 'the live catalogue is what the migrations give') : fail('drift', `${found.length} differences, such as ${found[0]}; all: hive schema`);
}

async function rowSecurity(database: Database, orm: MikroORM): Promise<Finding> {
  const schemas = withUpstream(...domains).map((domain) => `'${domain.name}'`);
  const rows = await database.execute<{ name: string; safe: boolean }>(
    orm,
    `select n.nspname || '.' || c.relname as name,
            c.relrowsecurity and c.relforcerowsecurity and exists (select from pg_policy p where p.polrelid = c.oid or c.relispartition) as safe
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and n.nspname in (${schemas.join(', ')})
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)`,
  );
  const open = rows.filter((row) => !row.safe).map((row) => row.name);
  return open.length === 0 ? ok('isolation', `row level security is forced on all ${rows.length} tables of tenants`) : fail('isolation', `row level security is not forced on ${open.join(', ')}`);
}

async function months(database: Database, orm: MikroORM): Promise<Finding> {
  const next = await missingMonths(database, orm, 1);
  if (next.length > 0) return fail('partitions', `missing: ${next.join(', ')}; the maintenance job of a running hive makes them`);
  const later = await missingMonths(database, orm, MONTHS_AHEAD);
  return later.length === 0 ? ok('partitions', `${MONTHS_AHEAD} months ahead`) : warn('partitions', `the next month is there; missing later: ${later.join(', ')}`);
}
