import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArchiveStore } from './archive-store.js';

/** Archives as files below a directory, for their owner alone. */
export class DirectoryArchive implements ArchiveStore {
  constructor(private readonly root: string) {}

  /** Written under a name of its own, synced, and moved into place: a file that is there is whole. */
  async put(key: string, bytes: Buffer): Promise<void> {
    const path = join(this.root, key);
    const directory = dirname(path);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const partial = `${path}.${randomBytes(6).toString('hex')}.partial`;
    try {
      const file = await open(partial, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(partial, path);
    } finally {
      await rm(partial, { force: true });
    }
    await syncDirectory(directory);
  }

  get(key: string): Promise<Buffer> {
    return readFile(join(this.root, key));
  }

  async delete(key: string): Promise<void> {
    await rm(join(this.root, key), { force: true });
  }
}

/** The new name is on disk, too, before its rows go. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
