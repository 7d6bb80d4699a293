#!/usr/bin/env node
/*
 * pnpm soak increments [--clients 32] [--each 100]     lost updates: clients raise one agent's counter under If-Match
 * pnpm soak idempotency [--clients 50] [--rounds 20]   one key, many at once: one agent, equal answers
 * pnpm soak kill [--kills 10] [--engine both]          kill -9 of the server in a write loop: no acknowledged write is lost
 *
 * Each prints what it counted and exits 1 when the count is wrong. Needs the build; the server engine needs a PostgreSQL
 * server (HIVE_TEST_DATABASE_URL, or a local one). --save adds the result to bench/results.
 */
import { parseArgs } from 'node:util';
import { saveResult } from './result.js';
import { idempotencySoak, incrementsSoak, killSoak } from './soaks.js';

const SOAKS = { increments: incrementsSoak, idempotency: idempotencySoak, kill: killSoak };
const options = { clients: { type: 'string' }, each: { type: 'string' }, rounds: { type: 'string' }, kills: { type: 'string' }, engine: { type: 'string', default: 'both' }, save: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } };
const { values, positionals } = parseArgs({ allowPositionals: true, options });
const soak = SOAKS[positionals[0] ?? ''];
if (values.help || !soak || !['both', 'embedded', 'server'].includes(values.engine)) {
  console.log(`usage: pnpm soak ${Object.keys(SOAKS).join(' | ')} [--clients N] [--each N] [--rounds N] [--kills N] [--engine embedded|server|both] [--save]`);
  process.exit(values.help ? 0 : 2);
}

const number = (name, otherwise) => (values[name] === undefined ? otherwise : Number(values[name]));
let failed = false;
for (const engine of values.engine === 'both' ? ['embedded', 'server'] : [values.engine]) {
  const result = { engine, ...(await soak(engine, number)) };
  console.log(`${positionals[0]} on the ${engine} engine: ${JSON.stringify(result)}`);
  failed ||= !result.ok;
  if (values.save) console.log(`saved: ${saveResult(`soak-${positionals[0]}-${engine}`, result)}`);
}
process.exit(failed ? 1 : 0);
