import { readFileSync } from 'node:fs';
import type { PoolConfig } from 'pg';
import { parse, toClientConfig } from 'pg-connection-string';

/** What the query of a server's URL may say. Anything else would be dropped without a word, and with it what its author relied on. */
export const SERVER_URL_PARAMETERS = [
  'host',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslnegotiation',
  'uselibpqcompat',
  'application_name',
  'options',
  'connect_timeout',
  'channel_binding',
] as const;

/** A file that the URL of a server names cannot be read; the message says which and why. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
}

const FILES = ['sslrootcert', 'sslcert', 'sslkey'] as const;

/**
 * The connection that a URL asks for, as pg takes it: TLS and the directory of a socket included. MikroORM 7.2.1 reads
 * nothing but host, port, login and database of its clientUrl, so a `sslmode` left to it would be a connection in clear.
 * Throws UnreadableFile when a certificate cannot be read.
 */
export function connectionOf(url: string): PoolConfig {
  const query = new URL(url).searchParams;
  for (const name of FILES) requireReadable(name, query.get(name));
  const timeoutSeconds = Number(query.get('connect_timeout') ?? 0);
  const binding = query.get('channel_binding');
  const { host, port, user, password, ssl, sslnegotiation, application_name, options } = toClientConfig(parse(url));
  return {
    host,
    port,
    user,
    password,
    // The parser leaves %2F, %23 and %3F in the name of the database as they are.
    database: decodeURIComponent(new URL(url).pathname.slice(1)),
    ...(ssl !== undefined && { ssl: typeof ssl === 'object' ? { ...ssl } : ssl }),
    ...(sslnegotiation && { sslnegotiation }),
    ...(application_name && { application_name }),
    ...(options && { options }),
    // 0 is no limit to those who wrote the URL; here the limit is then the one that the hive has for every server.
    ...(timeoutSeconds > 0 && { connectionTimeoutMillis: timeoutSeconds * 1000 }),
    ...((binding === 'prefer' || binding === 'require') && { enableChannelBinding: true }),
  };
}

/** Whether the URL refuses a login that is not bound to the TLS channel. */
export const requiresChannelBinding = (url: string): boolean => new URL(url).searchParams.get('channel_binding') === 'require';

function requireReadable(name: string, path: string | null): void {
  if (!path) return;
  try {
    readFileSync(path);
  } catch (error) {
    throw new UnreadableFile(`${name}=${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
