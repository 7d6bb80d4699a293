import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { domains } from '@agent-hive/api';
import { copyEmbedded, serverTemplate, testEngine } from '@agent-hive/kernel/testing';
import pg from 'pg';
import { run } from '../src/program.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** A start takes two seconds; on a machine that is busy with other things, ten times as long and more. */
const PATIENCE_MS = 90_000;

export type Env = Record<string, string>;

/** A process of the built `hive`, with what it said so far. */
export interface Process {
  child: ChildProcess;
  out(): string;
  err(): string;
  /** Waits until its output has the text; throws with all it said when it ends first, or does not come. */
  says(text: RegExp): Promise<RegExpExecArray>;
  exited: Promise<number | null>;
}

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

const alive = new Set<ChildProcess>();

/** What `hive` sees of the environment: this alone, so nothing of the machine decides a test. */
const environment = (env: Env): Env => ({ PATH: process.env.PATH!, HOME: process.env.HOME ?? '/', PORT: '0', ...env });

/** Starts `hive`. */
export function spawnHive(args: readonly string[], env: Env, cwd = tmpdir()): Process {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
  alive.add(child);
  let out = '';
  let err = '';
  const heard = new Set<() => void>();
  const hear = (add: (text: string) => void) => (chunk: Buffer) => {
    add(chunk.toString());
    for (const listener of heard) listener();
  };
  child.stdout.on('data', hear((text) => (out += text)));
  child.stderr.on('data', hear((text) => (err += text)));
  const exited = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      alive.delete(child);
      resolve(code);
      for (const listener of heard) listener();
    });
  });
  const says = (text: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`hive ${args.join(' ')} ${why} before it said ${text}:\n${out}${err}`));
      const timer = setTimeout(() => fail(`had ${PATIENCE_MS} ms`), PATIENCE_MS);
      const listen = () => {
        const match = text.exec(out) ?? text.exec(err);
        if (!match && child.exitCode === null && child.signalCode === null) return;
        clearTimeout(timer);
        heard.delete(listen);
        if (match) resolve(match);
        else fail('ended');
      };
      heard.add(listen);
      listen();
    });
  return { child, out: () => out, err: () => err, says, exited };
}

/** Runs a command to its end in a process of its own. */
export async function endOf(args: readonly string[], env: Env): Promise<Ended> {
  const running = spawnHive(args, env);
  const code = await running.exited;
  return { code, out: running.out(), err: running.err() };
}

/**
 * Runs a command to its end; in this process, as main.ts does in one that takes a second to load it. A server has one of its own. What
 * a library of Node's threw is no `Error` in here, since Jest's are others: words of such a cause show in a process of its own alone.
 */
export async function runHive(args: readonly string[], env: Env): Promise<Ended> {
  if (args[0] === 'start') return endOf(args, env);
  const [out, err]: [string[], string[]] = [[], []];
  const code = await run(args, { env: environment(env), io: { out: (line) => void out.push(`${line}\n`), err: (line) => void err.push(`${line}\n`) } });
  return { code, out: out.join(''), err: err.join('') };
}

/** A hive that serves. */
export interface Server extends Process {
  url: string;
  /** The key of the first start; null on later ones. */
  key: string | null;
  stop(): Promise<number | null>;
}

export async function serve(env: Env): Promise<Server> {
  const running = spawnHive(['start'], env);
  const [, url] = await running.says(/^ {2}API +(\S+)$/m);
  await running.says(/^ {2}Key +/m);
  const key = /^ {2}Key +(hive_\S+)$/m.exec(running.out())?.[1] ?? null;
  const stop = () => {
    running.child.kill('SIGTERM');
    return running.exited;
  };
  return { ...running, url: url!, key, stop };
}

const cleanups: (() => Promise<void> | void)[] = [];

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hive-test-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The environment of a database that has the tables of the hive and nothing in them: a directory, or a database on the test server. */
export async function freshDatabase(): Promise<Env> {
  return testEngine() === 'server' ? onTestServer(await serverTemplate(process.env.HIVE_TEST_DATABASE_URL!, domains)) : freshDirectory();
}

/** The environment of a database that nobody has used: a directory that is not there yet, or an empty database on the test server. */
export async function emptyDatabase(): Promise<Env> {
  return testEngine() === 'server' ? onTestServer() : noDirectory();
}

const onTestServer = async (copied?: string): Promise<Env> => ({ DATABASE_URL: await freshServerDatabase(copied), HIVE_ALLOW_SUPERUSER: 'true', HIVE_POOL_MIN: '0', HIVE_KEYS_DIR: join(temporaryDirectory(), 'keys') });

/** The environment of a directory that is not there yet. */
export const noDirectory = () => ({ HIVE_DATA_DIR: join(temporaryDirectory(), 'data') });

/** The environment of a directory with a database that has the tables of the hive and nothing in them. */
export async function freshDirectory() {
  const env = noDirectory();
  await copyEmbedded(domains, env.HIVE_DATA_DIR);
  return env;
}

/** A copy of a database, for a test to spoil. Nothing may be connected to the original. */
export async function copyOf(env: Env): Promise<Env> {
  if (env.DATABASE_URL) return { ...env, DATABASE_URL: await freshServerDatabase(new URL(env.DATABASE_URL).pathname.slice(1)) };
  const copy = noDirectory();
  cpSync(env.HIVE_DATA_DIR!, copy.HIVE_DATA_DIR, { recursive: true });
  return { ...env, ...copy };
}

/** Url of a database on the test server: an empty one, or a copy. */
export async function freshServerDatabase(copied = 'template1'): Promise<string> {
  const name = `hive_test_${randomBytes(8).toString('hex')}`;
  await onServer((client) => client.query(`create database ${name} template ${copied}`));
  cleanups.push(() => onServer((client) => client.query(`drop database if exists ${name} with (force)`)));
  const url = new URL(process.env.HIVE_TEST_DATABASE_URL!);
  url.pathname = `/${name}`;
  return url.href;
}

/** A login of its own for a database: a member of hive_app, and no more. */
export async function loginOf(database: string): Promise<{ url: string; drop(): Promise<void> }> {
  const url = new URL(database);
  const role = url.pathname.slice(1);
  await onServer(async (client) => {
    await client.query(`do $$ begin create role hive_app nologin nobypassrls; exception when duplicate_object then null; end $$`);
    await client.query(`create role ${role} login password 'of a test' in role hive_app`);
  });
  url.username = role;
  url.password = 'of a test';
  const drop = () => onServer((client) => client.query(`drop role ${role}`));
  return { url: url.href, drop };
}

export async function onServer(work: (client: pg.Client) => Promise<unknown>, url = process.env.HIVE_TEST_DATABASE_URL!): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** A port that something listens on until the test is over. */
export async function busyPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as { port: number }).port;
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Ends what was left running, and removes what was made, since `mark`; all of it by default. */
export async function cleanUp(mark = 0): Promise<void> {
  for (const child of alive) child.kill('SIGKILL');
  for (const cleanup of cleanups.splice(mark).reverse()) await cleanup();
}

/** What was made up to here stays when a test cleans up. */
export const mark = (): number => cleanups.length;
