import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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
}

/** Tells commands of the running server; returns what takes that back. */
export function announce(dataDir: string, server: RunningServer): () => void {
  const path = join(dataDir, FILE);
  // A file of a process that was killed is removed first: an existing one would keep its permissions.
  rmSync(path, { force: true });
  writeFileSync(path, JSON.stringify(server), { mode: OWNER_ONLY, flag: 'wx' });
  return () => rmSync(path, { force: true });
}

/** The server that announced itself in the directory; null when there is none, or it is still starting. */
export function announced(dataDir: string): RunningServer | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, FILE), 'utf8')) as RunningServer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
