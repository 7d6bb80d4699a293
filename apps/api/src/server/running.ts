import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { LockHolder } from '@agent-hive/kernel';

/*
 * The embedded database is locked by the running server, so commands reach it through the server. hive.json in the data
 * directory tells them where it listens and, unless the operator has chosen HIVE_ADMIN_KEY, a key that lives as long as
 * the process. Only the owner of the directory can read it, who could as well read the database itself.
 */
const FILE = 'hive.json';
const OWNER_ONLY = 0o600;

/** The server that holds a data directory. */
export interface RunningServer {
  pid: number;
  url: string;
  /** Null where the operator has chosen HIVE_ADMIN_KEY, which is stored nowhere. */
  key: string | null;
  /** Moment of the announcement, ISO-8601. */
  at: string;
}

/** Tells commands of the running server; returns what takes that back. */
export function announce(dataDir: string, server: Omit<RunningServer, 'at'>): () => void {
  const path = join(dataDir, FILE);
  // A file of a process that was killed is removed first: an existing one would keep its permissions.
  rmSync(path, { force: true });
  writeFileSync(path, JSON.stringify({ ...server, at: new Date().toISOString() } satisfies RunningServer), { mode: OWNER_ONLY, flag: 'wx' });
  return () => rmSync(path, { force: true });
}

/**
 * The server that announced itself in the directory and holds its lock; null when there is none, when it is still starting, and
 * when what stands there was left by a process that was killed. A pid alone does not tell: in a container it is always the same.
 */
export function announced(dataDir: string, holder: LockHolder): RunningServer | null {
  try {
    const server = JSON.parse(readFileSync(join(dataDir, FILE), 'utf8')) as RunningServer;
    return holder.host === hostname() && server.pid === holder.pid && server.at >= holder.since ? server : null;
  } catch (error) {
    // Not there, or half of it: it is being written.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}
