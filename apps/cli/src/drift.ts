import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { MikroORM } from '@mikro-orm/postgresql';
import { differences, dumpSchema, type Catalogue } from './catalogue.js';
import { domains } from './database.js';

/** The catalogue that the migrations give, committed beside the code and compared with them by `pnpm drift`. */
export const SCHEMA_FILE = fileURLToPath(new URL('../schema.json', import.meta.url));

/** In what the live database differs from what all migrations give; nothing when it does not. */
export async function drift(orm: MikroORM): Promise<string[]> {
  const expected = JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as Catalogue;
  return differences(expected, await dumpSchema(orm, domains));
}
