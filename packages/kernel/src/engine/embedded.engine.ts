import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite, type PGliteOptions } from '@electric-sql/pglite';
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import { unaccent } from '@electric-sql/pglite/contrib/unaccent';
import { vector } from '@electric-sql/pglite-pgvector';
import { PgliteConnection, PglitePlatform } from '@mikro-orm/pglite';
import { AbstractSqlDriver, createPostgreSqlTypeParsers, type Configuration, type Dictionary } from '@mikro-orm/postgresql';
import type { PGliteDialect } from 'kysely';
import array from 'postgres-array';
import { lockDirectory } from './directory-lock.js';
import { beginWithSession, PLANNER, withSession } from './session.js';

type BeginOptions = NonNullable<Parameters<PgliteConnection['begin']>[0]>;

class EmbeddedConnection extends PgliteConnection {
  override createKyselyDialect(overrides: Dictionary): PGliteDialect {
    return withSession(super.createKyselyDialect(overrides), { pipelined: false });
  }

  override begin(options: BeginOptions = {}) {
    const { sessionContext, ...rest } = options;
    return sessionContext && !options.ctx ? beginWithSession(sessionContext, () => super.begin(rest)) : super.begin(options);
  }
}

/** MikroORM driver of the embedded engine: PostgreSQL in WebAssembly, one connection for which transactions queue. */
export class EmbeddedDriver extends AbstractSqlDriver<EmbeddedConnection, PglitePlatform> {
  constructor(config: Configuration) {
    super(config, new PglitePlatform(), EmbeddedConnection, ['kysely', '@electric-sql/pglite']);
  }
}

/** An open embedded database; `close` gives the directory free. */
export interface EmbeddedDatabase {
  pglite: PGlite;
  /** Null for a database in memory. */
  directory: string | null;
  close(): Promise<void>;
}

/** Where in a data directory the files of PostgreSQL are. */
export const databaseFolder = (dataDir: string): string => join(dataDir, 'pgdata');

/** Whether there is a database in the directory. The directory itself says nothing: whoever mounts a volume has made it. */
export const embeddedExists = (dataDir: string): boolean => existsSync(databaseFolder(dataDir));

const EXTENSIONS = { vector, pg_trgm, unaccent, btree_gin };

/**
 * Opens the embedded database of a directory, or one in memory for `memory://`. The directory is locked first, since
 * PGlite itself lets two processes write to one directory and corrupt it. Throws DirectoryInUse naming the holder.
 */
export async function openEmbedded(dataDir: string, options: { loadDataDir?: Blob } = {}): Promise<EmbeddedDatabase> {
  const inMemory = dataDir.startsWith('memory:');
  const release = inMemory ? () => undefined : lockDirectory(dataDir);
  try {
    const pgliteOptions: PGliteOptions = {
      dataDir: inMemory ? 'memory://' : databaseFolder(dataDir),
      extensions: EXTENSIONS,
      parsers: createPostgreSqlTypeParsers((text) => array.parse(text)),
      ...(options.loadDataDir && { loadDataDir: options.loadDataDir }),
    };
    const pglite = await PGlite.create(pgliteOptions);
    await pglite.exec(PLANNER.map((setting) => `set ${setting}`).join('; ')); // for the one connection
    const close = async () => {
      if (!pglite.closed) await pglite.close();
      release();
    };
    return { pglite, directory: inMemory ? null : dataDir, close };
  } catch (error) {
    release();
    throw error;
  }
}
