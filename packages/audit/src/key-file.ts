import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const OWNER_ONLY = { file: 0o600, directory: 0o700 };

/**
 * Keeps a new key in a file of its owner alone, and returns what the file holds: written whole under a name of its own, down to the disk,
 * and linked into place, so that of two processes that start at once the second takes the first one's. Throws what the file system does.
 */
export function keepKey(path: string, text: string): string {
  const partial = `${path}.${randomBytes(6).toString('hex')}`;
  mkdirSync(dirname(path), { recursive: true, mode: OWNER_ONLY.directory });
  try {
    const file = openSync(partial, 'wx', OWNER_ONLY.file);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    linkSync(partial, path);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readFileSync(path, 'utf8');
    throw error;
  } finally {
    rmSync(partial, { force: true });
  }
}
