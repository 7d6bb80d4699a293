#!/usr/bin/env node
/*
 * pnpm bench http [--rounds 5] [--seconds 5] [--connections 1,10,50] [--save]
 *
 * Needs the build (`pnpm build`) and a PostgreSQL server: HIVE_TEST_DATABASE_URL, or a local one. Peers run in the same
 * run, in turns, on databases of their own that are dropped at the end. Prints medians and ratios; --save adds the result to bench/results.
 */
import { parseArgs } from 'node:util';
import { httpBench } from './http.js';
import { saveResult } from './result.js';

const BENCHES = { http: httpBench };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '1,10,50' },
    save: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const bench = BENCHES[positionals[0] ?? ''];
if (values.help || !bench) {
  console.log(`usage: pnpm bench ${Object.keys(BENCHES).join(' | ')} [--rounds N] [--seconds N] [--connections 1,10,50] [--save]`);
  process.exit(values.help ? 0 : 2);
}

const numbers = values.connections.split(',').map(Number);
if ([Number(values.rounds), Number(values.seconds), ...numbers].some((n) => !Number.isInteger(n) || n < 1)) {
  console.error('rounds, seconds and connections must be positive whole numbers');
  process.exit(2);
}

const result = await bench({ rounds: Number(values.rounds), seconds: Number(values.seconds), connections: numbers });
if (values.save) console.log(`saved: ${saveResult(positionals[0], result)}`);
