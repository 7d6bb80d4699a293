import { text } from 'node:stream/consumers';
import { announced, createLogger, openHive, readConfig } from '@agent-hive/api';
import { DirectoryInUse } from '@agent-hive/kernel';
import { CommandFailed, quiet, type Context } from './context.js';

/** A hive as commands see it: requests with a key. Where it runs makes no difference, and its guard is the same. */
export interface Client {
  request<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Reads an answer as it comes, a piece of its bytes at a time. */
  read(path: string): AsyncIterable<Uint8Array>;
  /** The same hive with another key. */
  as(key: string): Client;
}

interface Answered {
  status: number;
  text(): Promise<string>;
  bytes: AsyncIterable<Uint8Array>;
}

type Send = (method: string, path: string, headers: Record<string, string>, body: string | undefined) => Promise<Answered>;

/**
 * Does work with the hive that is meant: the one of HIVE_URL (with HIVE_KEY), the server that holds the data directory, or
 * else one opened in this process over the database of the environment.
 */
export async function withClient<T>(context: Context, work: (client: Client) => Promise<T>): Promise<T> {
  const { env, io } = context;
  if (env.HIVE_URL) return work(remote(env.HIVE_URL, requireKey(env.HIVE_KEY || env.HIVE_ADMIN_KEY, env.HIVE_URL)));
  const { config } = readConfig(quiet(env));
  try {
    const hive = await openHive(config, io, createLogger(config));
    try {
      if (hive.firstKey) io.err(`The first key of the tenant default, shown only this once: ${hive.firstKey}`);
      return await work(local(hive));
    } finally {
      await hive.close();
    }
  } catch (error) {
    if (!(error instanceof DirectoryInUse)) throw error;
    const server = announced(config.HIVE_DATA_DIR, error.holder);
    if (!server) throw error;
    return work(remote(server.url, requireKey(server.key || env.HIVE_KEY || config.HIVE_ADMIN_KEY, server.url)));
  }
}

function requireKey(key: string | null | undefined, url: string): string {
  if (key) return key;
  throw new CommandFailed(`The hive at ${url} needs a key: set HIVE_KEY to one with the scope for this, or HIVE_ADMIN_KEY to the one it was started with`);
}

/** A hive that runs in this process, with its first key. */
export const local = ({ app, adminKey }: Awaited<ReturnType<typeof openHive>>): Client =>
  clientOf(async (method, path, headers, body) => {
    const answer = await app.inject({ method: method as 'GET', url: path, headers, payload: body, payloadAsStream: true });
    const bytes = answer.stream();
    return { status: answer.statusCode, text: () => text(bytes), bytes };
  }, adminKey);

function remote(baseUrl: string, key: string): Client {
  // A connection may break at its start, and as long as an answer is read.
  const reaching = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      const cause = (error as Error).cause;
      throw new CommandFailed(`Cannot reach the hive at ${baseUrl}: ${cause instanceof Error ? cause.message : String(error)}`, { cause: error });
    }
  };
  return clientOf(async (method, path, headers, body) => {
    const answer = await reaching(() => fetch(new URL(path, baseUrl), { method, headers, body }));
    return {
      status: answer.status,
      text: () => reaching(() => answer.text()),
      bytes: (async function* bytes() {
        const reader = answer.body?.getReader();
        for (let read = await reaching(async () => reader?.read()); read?.value; read = await reaching(async () => reader?.read())) yield read.value;
      })(),
    };
  }, key);
}

function clientOf(send: Send, key: string): Client {
  return {
    as: (other) => clientOf(send, other),
    async request<T>(method: string, path: string, body?: unknown): Promise<T> {
      const headers = { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) };
      const answer = await send(method, path, headers, body === undefined ? undefined : JSON.stringify(body));
      const told = await answer.text();
      if (answer.status >= 400) throw new RequestRefused(method, path, answer.status, told);
      return (told === '' ? null : JSON.parse(told)) as T;
    },
    async *read(path) {
      const answer = await send('GET', path, { authorization: `Bearer ${key}` }, undefined);
      if (answer.status >= 400) throw new RequestRefused('GET', path, answer.status, await answer.text());
      yield* answer.bytes;
    },
  };
}

/** The hive refused a request; the message is the problem's. */
export class RequestRefused extends CommandFailed {
  readonly code: string | null;
  constructor(method: string, path: string, readonly status: number, text: string) {
    const problem = problemOf(text);
    super(problem ? `${problem.detail} (${status} ${problem.code})` : `${method} ${path} was answered with ${status}`);
    this.code = problem?.code ?? null;
  }
}

function problemOf(text: string): { detail: string; code: string } | null {
  try {
    const body = JSON.parse(text) as { detail?: unknown; code?: unknown };
    return typeof body.detail === 'string' && typeof body.code === 'string' ? { detail: body.detail, code: body.code } : null;
  } catch {
    return null; // a proxy's own page, not an answer of the hive
  }
}
