import { createHash, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';

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
 *
 * Whether a process of this host lives, the host says. Of one on another host (a shared volume, another container) only the
 * heartbeat tells: the holder touches its file, and what was not touched for long is an orphan. That takes clocks which agree
 * within a minute or so.
 */
const FILE = 'hive.lock';

/** The data directory cannot be made, or its lock cannot be read or taken; the message says which and why. */
export class DirectoryUnusable extends Error {
  override readonly name = 'DirectoryUnusable';
}

/** The data directory belongs to a live process; the message names it. */
export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse';
  readonly holder: LockHolder;
  constructor(directory: string, holder: LockHolder, ageMs = 0) {
    super(
      `The data directory ${directory} is in use by process ${holder.pid} on ${holder.host} since ${holder.since}${isHere(holder) ? '' : elsewhere(directory, holder, ageMs)}. ` +
        'Two processes on one embedded database corrupt it: stop that process, choose another HIVE_DATA_DIR, or use a server with DATABASE_URL.',
    );
    this.holder = holder;
  }
}

function elsewhere(directory: string, { heartbeat }: LockHolder, ageMs: number): string {
  const hint = `If that host or container is gone, remove ${join(directory, FILE)}`;
  const seen = `, a host that cannot be asked from here; it was last heard of ${Math.max(Math.round(ageMs / 1000), 0)} s ago`;
  return heartbeat ? `${seen}, and its lock can be taken over ${SILENT_MS / 60_000} minutes after that. ${hint}, or wait` : `${seen}. ${hint}`;
}

/** The process that a lock names. */
export interface LockHolder {
  pid: number;
  host: string;
  since: string;
  /** Start time of the process in clock ticks where the system tells it; a reused pid is not the holder. */
  startTicks: string | null;
  /** Whether it touches its file while it lives; locks from before that do not say. */
  heartbeat?: boolean;
}

interface Link {
  path: string;
  text: string;
  ageMs: number;
}

const ATTEMPTS = 100;
/** A file is empty for the instant in which it is written elsewhere than here, or for good after a loss of power. */
const EMPTY_MS = 5_000;
const HEARTBEAT_MS = 20_000;
/** Long enough for a statement of the embedded engine that lets nothing else run meanwhile. */
const SILENT_MS = 300_000;

/**
 * Takes the directory for this process, for its whole life. A lock left by a process that is gone (kill -9, power loss)
 * is taken over, by one process alone. Throws DirectoryInUse when its holder lives, and DirectoryUnusable where the directory
 * cannot be made or written to. Returns the release.
 */
export function lockDirectory(directory: string): () => void {
  try {
    makeDirectory(resolve(directory));
    return take(directory);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new DirectoryUnusable(`Cannot write the data directory ${directory}: ${message}. Choose another HIVE_DATA_DIR`, { cause: error });
  }
}

/** One level after the other: told to make all of them, Node tries for ever where a file system such as /proc lets nobody make any. */
function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}

function take(directory: string): () => void {
  const path = join(directory, FILE);
  const own = JSON.stringify({ id: randomUUID(), pid: process.pid, host: hostname(), since: new Date().toISOString(), startTicks: startTicks(process.pid), heartbeat: true });
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
        const beating = setInterval(() => beat(path, own), HEARTBEAT_MS).unref();
        return () => {
          clearInterval(beating);
          release(path, own);
        };
      }
      if (taken) rmSync(taken, { force: true });
      const holder = last && holderOf(last);
      if (holder && isAlive(holder, last.ageMs)) throw new DirectoryInUse(directory, holder, last.ageMs);
      taken = link(draft, last ? heirOf(path, last.text) : path);
    }
    throw new DirectoryUnusable(`Cannot take the lock ${path}: others took it and gave it back ${ATTEMPTS} times meanwhile`);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Tells other hosts that this process lives. Throws when another one has the lock: two processes would corrupt the database. */
export function beat(path: string, own: string): void {
  let found: Link | null;
  try {
    found = readLink(path);
    if (found?.text === own) utimesSync(path, new Date(), new Date());
  } catch {
    return; // a volume that is away for a moment; the next beat comes before anyone takes the lock over
  }
  if (found && found.text !== own) throw new DirectoryUnusable(`The lock ${path} was taken over while this process stood still: it must end before both write to the database`);
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
    throw new DirectoryUnusable(`Cannot read the lock ${path}: remove it if no hive runs on this directory`, { cause: error });
  }
}

/** The process that the file names; null when it is an orphan that names none. */
function holderOf({ path, text, ageMs }: Link): LockHolder | null {
  if (text === '') return ageMs > EMPTY_MS ? null : { pid: 0, host: hostname(), since: 'just now', startTicks: null };
  try {
    return JSON.parse(text) as LockHolder;
  } catch (error) {
    throw new DirectoryUnusable(`Cannot read the lock ${path}: remove it if no hive runs on this directory`, { cause: error });
  }
}

const isHere = (holder: LockHolder): boolean => holder.host === hostname();

function isAlive(holder: LockHolder, ageMs: number): boolean {
  // Without a heartbeat, a holder on another host cannot be judged from here: its lock stands until someone removes it.
  if (!isHere(holder)) return !holder.heartbeat || ageMs < SILENT_MS;
  if (holder.pid === 0) return true;
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
