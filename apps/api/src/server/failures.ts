import { SigningKeyUnfit } from '@agent-hive/audit';
import { DatabaseUnfit, DirectoryInUse, DirectoryUnusable, MigrationFailed, sqlState, UnreadableFile } from '@agent-hive/kernel';
import { ConfigInvalid } from '../config/config.js';
import { describeUrl } from '../config/database-settings.js';

/** The hive cannot start, for a reason that its operator can remove; the message says how. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}

const EXPECTED = [ConfigInvalid, DatabaseUnfit, DirectoryInUse, DirectoryUnusable, MigrationFailed, SigningKeyUnfit, StartRefused];

/** The message for a failure that people can act on, without a stack; null for one that nobody foresaw. */
export function explain(error: unknown): string | null {
  if (EXPECTED.some((kind) => error instanceof kind)) return (error as Error).message;
  const { code, path, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (path && code && ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'ENOTDIR', 'EEXIST'].includes(code)) return `Cannot write ${path}: ${message}`;
  return null;
}

/** Does the first work on a server; a server that does not let us in becomes DatabaseUnfit, naming it without its password. */
export async function reaching<T>(key: string, url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === null) throw error;
    throw new DatabaseUnfit(`Cannot reach PostgreSQL at ${describeUrl(url)} (${key}): ${reason}`, { cause: error });
  }
}

const BY_STATE: Record<string, string> = {
  '28P01': 'the password is wrong.',
  '28000': 'the server refuses this login.',
  '3D000': 'it has no such database: create it first.',
  '53300': 'it has no connection left: lower HIVE_POOL_MAX or raise its max_connections.',
  '57P03': 'it is starting up or shutting down: try again.',
};

const BY_CODE: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there. Is the server running?',
  ENOTFOUND: 'no such host.',
  EAI_AGAIN: 'the name cannot be resolved now.',
  EHOSTUNREACH: 'no route to that host.',
  ENETUNREACH: 'no route to that network.',
  ETIMEDOUT: 'no answer.',
  ECONNRESET: 'the connection was cut. Is this the port of PostgreSQL?',
  ENOENT: 'no such socket. Is the server running?',
};

function reasonOf(error: unknown): string | null {
  const state = sqlState(error);
  if (state !== undefined) return BY_STATE[state] ?? null;
  for (let at = error as (Error & { code?: string }) | undefined; at; at = at.cause as typeof at) {
    if (at instanceof UnreadableFile) return `${at.message}.`;
    const known = BY_CODE[at.code ?? ''];
    if (known) return known;
    // pg has no code for these.
    if (/timeout/i.test(at.message)) return 'no answer in time.';
    if (/SSL|channel_binding|terminated unexpectedly|password must be a string/i.test(at.message)) return `${at.message}.`;
  }
  return null;
}
