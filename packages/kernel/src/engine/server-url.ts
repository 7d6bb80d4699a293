import type { ClientConfig } from 'pg';
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
] as const;

/**
 * The connection that a URL asks for, as pg takes it: TLS and the directory of a socket included. MikroORM 7.2.1 reads
 * nothing but host, port, login and database of its clientUrl, so a `sslmode` left to it would be a connection in clear.
 * Throws when a certificate cannot be read.
 */
export function connectionOf(url: string): ClientConfig {
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
  };
}
