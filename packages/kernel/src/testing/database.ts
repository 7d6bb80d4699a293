import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { EventSubscriber, MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { entitiesOf, withUpstream, type Domain } from '../domain.js';
import { Database, type ServerSettings } from '../engine/database.js';
import { databaseFolder } from '../engine/embedded.engine.js';
import { migrate } from '../migrator.js';

/** An open database of one test file, migrated, with the application's ORM. */
export interface TestDatabase {
  database: Database;
  orm: MikroORM;
  domains: Domain[];
  /** Url of the server database as its superuser; null on the embedded engine. */
  url: string | null;
  close(): Promise<void>;
}

/** The engine that tests run on: a server when HIVE_TEST_DATABASE_URL names one. */
export const testEngine = (): 'embedded' | 'server' => (process.env.HIVE_TEST_DATABASE_URL ? 'server' : 'embedded');

/**
 * A migrated database of its own, cloned from a template that the first caller makes: half a second instead of a
 * migration run. On a server the clone is dropped on close; templates are named hive_test_template_* and dropped by
 * tooling/postgres.
 */
export async function testDatabase(domains: readonly Domain[], options: { subscribers?: EventSubscriber[]; poolMax?: number; connectTimeoutMs?: number } = {}): Promise<TestDatabase> {
  const all = withUpstream(...domains);
  const serverUrl = process.env.HIVE_TEST_DATABASE_URL;
  const { database, url, drop } = serverUrl ? await cloneOnServer(serverUrl, all, options) : await cloneEmbedded(all);
  const orm = await database.orm({ entities: entitiesOf(all), subscribers: options.subscribers, login: 'app' });
  return {
    database,
    orm,
    domains: all,
    url,
    close: async () => {
      await database.close();
      await drop();
    },
  };
}

/** Names the template: other migrations, another template. The source of a migration stands for what it does. */
const fingerprint = (domains: readonly Domain[]): string => {
  const hash = createHash('sha256');
  for (const domain of domains) for (const migration of domain.migrations) hash.update(`${domain.name}/${migration.name}\n${migration.class.toString()}\n`);
  return hash.digest('hex').slice(0, 16);
};

/** Makes a data directory with an embedded database that has the migrations of the domains: a copy, since making one takes seconds. */
export async function copyEmbedded(domains: readonly Domain[], dataDir: string): Promise<void> {
  const folder = databaseFolder(dataDir);
  mkdirSync(folder, { recursive: true });
  await promisify(execFile)('tar', ['-xf', await embeddedTemplate(domains), '-C', folder]);
}

/** A tar of the files of an embedded database that has the migrations of the domains: the first caller makes it. */
async function embeddedTemplate(domains: readonly Domain[]): Promise<string> {
  const all = withUpstream(...domains);
  const folder = join(tmpdir(), 'agent-hive-test');
  const file = join(folder, `template-${fingerprint(all)}.tar`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const template = await Database.open({ engine: 'embedded', dataDir: 'memory://' });
  await migrate(template, all);
  const dump = await template.embedded!.pglite.dumpDataDir('none');
  await template.close();
  // Several workers may make the same template at once: each renames a whole file, the last one stays.
  const partial = `${file}.${randomBytes(6).toString('hex')}`;
  writeFileSync(partial, Buffer.from(await dump.arrayBuffer()));
  renameSync(partial, file);
  return file;
}

async function cloneEmbedded(domains: readonly Domain[]) {
  const file = await embeddedTemplate(domains);
  const database = await Database.open({ engine: 'embedded', dataDir: 'memory://', loadDataDir: new Blob([readFileSync(file)]) });
  return { database, url: null, drop: async () => undefined };
}

/** Name of a database on a test server that has the migrations of the domains, to copy: the first caller makes it. */
export async function serverTemplate(serverUrl: string, domains: readonly Domain[]): Promise<string> {
  const all = withUpstream(...domains);
  const template = `hive_test_template_${fingerprint(all)}`;
  await onServer(serverUrl, async (client) => {
    // One maker at a time; CREATE DATABASE also refuses a template somebody is connected to.
    await client.query(`select pg_advisory_lock(hashtext('hive_test'))`);
    const found = await client.query(`select 1 from pg_database where datname = $1`, [template]);
    if (found.rowCount === 0) await makeTemplate(client, serverUrl, template, all);
  });
  return template;
}

async function cloneOnServer(serverUrl: string, domains: readonly Domain[], { poolMax = 10, connectTimeoutMs }: Pick<ServerSettings, 'poolMax' | 'connectTimeoutMs'>) {
  const template = await serverTemplate(serverUrl, domains);
  const name = `hive_test_${randomBytes(8).toString('hex')}`;
  await onServer(serverUrl, (client) => client.query(`create database ${name} template ${template}`));
  const url = withDatabase(serverUrl, name);
  const settings: ServerSettings = { engine: 'server', url, poolMin: 0, poolMax, allowSuperuser: true, ...(connectTimeoutMs && { connectTimeoutMs }) };
  const drop = () => onServer(serverUrl, async (client) => void (await client.query(`drop database if exists ${name} with (force)`)));
  return { database: await Database.open(settings), url, drop };
}

async function makeTemplate(client: pg.Client, serverUrl: string, template: string, domains: readonly Domain[]): Promise<void> {
  const making = `${template}_making`;
  await client.query(`drop database if exists ${making} with (force)`);
  await client.query(`create database ${making}`);
  const database = await Database.open({ engine: 'server', url: withDatabase(serverUrl, making), allowSuperuser: true });
  await migrate(database, domains);
  await database.close();
  await client.query(`alter database ${making} rename to ${template}`);
}

async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
