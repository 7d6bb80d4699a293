import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { once } from 'node:events';
import pg from 'pg';

const ROOT = new URL('../../../', import.meta.url).pathname;

/** Url of a PostgreSQL server that benches may create databases on. */
export const serverUrl = () => process.env.HIVE_TEST_DATABASE_URL ?? execFileSync(process.execPath, ['tooling/postgres/server.js'], { cwd: ROOT, encoding: 'utf8' }).trim();

/** A database of its own, a copy of another when told so; `drop` removes it. */
export async function createDatabase(url, template) {
  const name = `hive_bench_${randomBytes(6).toString('hex')}`;
  const copy = template ? ` template ${new URL(template.url).pathname.slice(1)} strategy file_copy` : '';
  await onServer(url, (client) => client.query(`create database ${name}${copy}`));
  const own = new URL(url);
  own.pathname = `/${name}`;
  return { url: own.href, drop: () => onServer(url, (client) => client.query(`drop database if exists ${name} with (force)`)) };
}

export async function onServer(url, work) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** What autovacuum does within a minute, where it is on: plans for tables as they are, not as they were when empty. */
export const vacuum = (url, ...tables) => onServer(url, (client) => client.query(`vacuum (analyze) ${tables.join(', ')}`));

const SETTINGS = ['server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method', 'shared_buffers', 'autovacuum', 'shared_preload_libraries'];

/** How the server is set up, by the names of its settings: what writes cost depends on it. */
export async function settingsOf(url) {
  const { rows } = await onServer(url, (client) => client.query('select name, setting from pg_settings where name = any($1)', [SETTINGS]));
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a server process and waits until its URL answers below 500; `stop` ends it and waits for that. */
export async function startProcess(name, args, env, readyUrl) {
  const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output = (output + data).slice(-4000)));
  const deadline = Date.now() + 60_000;
  while (true) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${output}`);
    if (Date.now() > deadline) throw new Error(`${name} did not answer within 60 s:\n${output}`);
    const answer = await fetch(readyUrl).catch(() => null); // not listening yet
    if (answer && answer.status < 500) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await exited;
  };
  return { pid: child.pid, exited, stop };
}
