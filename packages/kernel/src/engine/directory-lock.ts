import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** The data directory belongs to a live process; the message names it. */
export class DirectoryInUse extends Error {
  constructor(directory: string, holder: LockHolder) {
    super(
      `The data directory ${directory} is in use by process ${holder.pid} on ${holder.host} since ${holder.since}. ` +
        'Two processes on one embedded database corrupt it: stop that process, choose another HIVE_DATA_DIR, or use a server with DATABASE_URL.',
    );
    this.name = 'DirectoryInUse';
  }
}

interface LockHolder {
  pid: number;
  host: string;
  since: string;
  /** Start time of the process in clock ticks where the system tells it; a reused pid is not the holder. */
  startTicks: string | null;
}

const FILE = 'hive.lock';

/**
 * Takes the directory for this process, for its whole life. A lock left by a process that is gone (kill -9, power loss)
 * is taken over. Throws DirectoryInUse when its holder lives. Returns the release.
 */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, FILE);
  for (let attempt = 0; ; attempt++) {
    try {
      const file = openSync(path, 'wx', 0o600);
      writeSync(file, JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString(), startTicks: startTicks(process.pid) }));
      fsyncSync(file);
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = readHolder(path);
      if (holder && isAlive(holder)) throw new DirectoryInUse(directory, holder);
      // Two processes may both find the lock orphaned. Each removes and retries once; `wx` lets exactly one of them in,
      // and the other then finds a live holder.
      if (attempt > 1) throw new Error(`Cannot take the lock ${path}`, { cause: error });
      rmSync(path, { force: true });
    }
  }
}

function readHolder(path: string): LockHolder | null {
  try {
    const text = readFileSync(path, 'utf8');
    // An empty file is a lock being written this instant: treat its writer as alive.
    return text === '' ? { pid: 0, host: hostname(), since: 'just now', startTicks: null } : (JSON.parse(text) as LockHolder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`Cannot read the lock ${path}: remove it if no hive runs on this directory`, { cause: error });
  }
}

function isAlive(holder: LockHolder): boolean {
  // A directory shared between hosts cannot be judged from here: the lock stands until someone removes it.
  if (holder.host !== hostname() || holder.pid === 0) return true;
  if (holder.pid === process.pid && holder.startTicks === startTicks(process.pid)) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return holder.startTicks === null || holder.startTicks === startTicks(holder.pid);
}

/** Field 22 of /proc/PID/stat on Linux; null elsewhere. */
function startTicks(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null; // no /proc here: the pid alone decides
  }
}
