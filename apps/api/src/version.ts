import { createRequire } from 'node:module';

/** Version of the hive, as its package states it. */
export const VERSION = (createRequire(import.meta.url)('../package.json') as { version: string }).version;
