import { createHash, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/*
 * Who holds a directory is the last of a chain of files:
 *
 *   hive.lock                   who took the directory when it was free
 *   hive.lock.after-<digest>    who took over from the one whose text has that digest, and whose process is gone; and so on
 *
 * Each file is written under a name of its own and then linked into place, whole, which fails where one stands: every orphan
 * has one heir. Nobody removes the file of an orphan, since between the look and the removal it may have become an heir's. The
 * heir puts its own file in the place of hive.lock, and only then removes the rest of the chain. Whoever had read the old
 * chain and links itself to it all the same is not in the new one, sees that when it looks again, and takes itself away.
 */
const FILE = 'hive.lock';

/** The data directory belongs to a live process; the message names it. */
export class DirectoryInUse extends Error {
  readonly holder: LockHolder;
  constructor(directory: string, holder: LockHolder) {
    super(
      `The data directory ${directory} is in use by process ${holder.pid} on ${holder.host} since ${holder.since}. ` +
        'Two processes on one embedded database corrupt it: stop that process, choose another HIVE_DATA_DIR, or use a server with DATABASE_URL.',
    );
    this.name = 'DirectoryInUse';
    this.holder = holder;
  }
}

/** The process that a lock names. */
export interface LockHolder {
  pid: number;
  host: string;
  since: string;
  /** Start time of the process in clock ticks where the system tells it; a reused pid is not the holder. */
  startTicks: string | null;
}

interface Link {
  path: string;
  text: string;
  ageMs: number;
}

const ATTEMPTS = 100;
/** A file is empty for the instant in which it is written elsewhere than here, or for good after a loss of power. */
const EMPTY_MS = 5_000;

/**
 * Takes the directory for this process, for its whole life. A lock left by a process that is gone (kill -9, power loss)
 * is taken over, by one process alone. Throws DirectoryInUse when its holder lives. Returns the release.
 */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, FILE);
  const own = JSON.stringify({ id: randomUUID(), pid: process.pid, host: hostname(), since: new Date().toISOString(), startTicks: startTicks(process.pid) });
  const draft = `${path}.${randomUUID()}`;
  writeWhole(draft, own);
  let taken: string | null = null;
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const chain = chainOf(path);
      const last = chain.at(-1);
      if (last?.text === own) {
        // Where this is hive.lock already, both names are of one file, and nothing happens.
        renameSync(draft, path);
        for (const passed of chain.slice(1)) rmSync(passed.path, { force: true });
        return () => release(path, own);
      }
      if (taken) rmSync(taken, { force: true });
      const holder = last && holderOf(last);
      if (holder && isAlive(holder)) throw new DirectoryInUse(directory, holder);
      taken = link(draft, last ? heirOf(path, last.text) : path);
    }
    throw new Error(`Cannot take the lock ${path}: others took it and gave it back ${ATTEMPTS} times meanwhile`);
  } finally {
    rmSync(draft, { force: true });
  }
}

function release(path: string, own: string): void {
  // Somebody may have removed the lock by hand, and another process taken the directory.
  if (readLink(path)?.text === own) rmSync(path, { force: true });
}

function writeWhole(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
}

/** The path when the link was made there; null when another was first. */
function link(draft: string, path: string): string | null {
  try {
    linkSync(draft, path);
    return path;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null;
    throw error;
  }
}

const heirOf = (path: string, text: string): string => `${path}.after-${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;

function chainOf(path: string): Link[] {
  const chain: Link[] = [];
  for (let found = readLink(path); found; found = readLink(heirOf(path, found.text))) chain.push(found);
  return chain;
}

function readLink(path: string): Link | null {
  try {
    return { path, text: readFileSync(path, 'utf8'), ageMs: Date.now() - statSync(path).mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`Cannot read the lock ${path}: remove it if no hive runs on this directory`, { cause: error });
  }
}

/** The process that the file names; null when it is an orphan that names none. */
function holderOf({ path, text, ageMs }: Link): LockHolder | null {
  if (text === '') return ageMs > EMPTY_MS ? null : { pid: 0, host: hostname(), since: 'just now', startTicks: null };
  try {
    return JSON.parse(text) as LockHolder;
  } catch (error) {
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
