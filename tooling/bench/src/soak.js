#!/usr/bin/env node
/*
 * pnpm soak increments [--clients 32] [--each 100]     lost updates: clients raise one agent's counter under If-Match
 * pnpm soak idempotency [--clients 50] [--rounds 20]   one key, many at once: one agent, equal answers
 * pnpm soak kill [--kills 10] [--engine both]          kill -9 of the server in a write loop: no acknowledged write is lost
 * pnpm soak tasks [--tasks 10000] [--kills 10] [--server-kills 2] [--servers 4] [--workers 10] [--claimers 50]
 *                                                      kill -9 of workers and servers: each task is completed once (server engine)
 * pnpm soak stream [--readers 200] [--messages 2000] [--writers 10] [--kills 1]
 *                                                      kill -9 of the server under readers of a session: each gets every message once
 * pnpm soak model [--steps 10000]                      random operations on tasks, beside a model of their rules
 * pnpm soak import [--kills 2]                         kill -9 of the import of a folder: every file is there at the end, once
 * pnpm soak seal [--servers 3] [--kills 10] [--clients 16]
 *                                                      kill -9 of hives that seal one record: every entry is in the log once (server engine)
 * pnpm soak retention [--each 500]                     400 days of messages, as many a day: dry run, run, archives read again, disk (server engine)
 *
 * Each prints what it counted and exits 1 when the count is wrong. Needs the build; the server engine needs a PostgreSQL
 * server (HIVE_TEST_DATABASE_URL, or a local one). --save adds the result to bench/results.
 */
import { parseArgs } from 'node:util';
import { importSoak } from './import-soak.js';
import { modelSoak } from './model-soak.js';
import { saveResult } from './result.js';
import { retentionSoak } from './retention-soak.js';
import { sealSoak } from './seal-soak.js';
import { streamSoak } from './stream-soak.js';
import { idempotencySoak, incrementsSoak, killSoak } from './soaks.js';
import { tasksSoak } from './tasks-soak.js';

const SOAKS = { increments: incrementsSoak, idempotency: idempotencySoak, kill: killSoak, tasks: tasksSoak, stream: streamSoak, model: modelSoak, import: importSoak, seal: sealSoak, retention: retentionSoak };
/** Only a server can have several processes on one database. */
const SERVER_ONLY = ['tasks', 'seal', 'retention'];
const NUMBERS = ['clients', 'each', 'rounds', 'kills', 'tasks', 'servers', 'workers', 'claimers', 'server-kills', 'steps', 'readers', 'messages'];
const options = { ...Object.fromEntries(NUMBERS.map((name) => [name, { type: 'string' }])), engine: { type: 'string', default: 'both' }, save: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } };
const { values, positionals } = parseArgs({ allowPositionals: true, options });
const soak = SOAKS[positionals[0] ?? ''];
const engines = values.engine === 'both' ? ['embedded', 'server'] : [values.engine];
const possible = SERVER_ONLY.includes(positionals[0]) ? engines.filter((engine) => engine === 'server') : engines;
if (values.help || !soak || possible.length === 0 || !['both', 'embedded', 'server'].includes(values.engine)) {
  console.log(`usage: pnpm soak ${Object.keys(SOAKS).join(' | ')} ${NUMBERS.map((name) => `[--${name} N]`).join(' ')} [--engine embedded|server|both] [--save]`);
  process.exit(values.help ? 0 : 2);
}

const number = (name, otherwise) => (values[name] === undefined ? otherwise : Number(values[name]));
let failed = false;
for (const engine of possible) {
  const result = { engine, ...(await soak(engine, number)) };
  console.log(`${positionals[0]} on the ${engine} engine: ${JSON.stringify(result)}`);
  failed ||= !result.ok;
  if (values.save) console.log(`saved: ${saveResult(`soak-${positionals[0]}-${engine}`, result)}`);
}
process.exit(failed ? 1 : 0);
