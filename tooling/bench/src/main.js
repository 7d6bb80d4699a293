#!/usr/bin/env node
/*
 * pnpm bench http [--rounds 5] [--seconds 5] [--connections 1,10,50] [--save]
 * pnpm bench tasks [--rounds 3] [--seconds 2] [--loops 1,10,40] [--batches 1,50] [--only plain,service,...]
 *                  [--sections claim,enqueue,crowd] [--foreign 100000] [--finished 1000000] [--save]
 * pnpm bench messages [--rounds 3] [--seconds 2] [--loops 1,10] [--only plain,service,...] [--crowds small,large] [--save]
 *                  small: 10,000 messages in one session; large: 1,000,000 in 1,000 sessions
 * pnpm bench knowledge [--rounds 3] [--save]           search over the documentation of the dependencies, by questions with known answers
 * pnpm bench vectors [--vectors 100000] [--queries 50] [--only plain,service,mastra] [--save]
 *                  recall@10 and latency beside plain pgvector and Mastra's, without a filter and with narrow ones
 * pnpm bench seal [--rounds 5] [--seconds 4] [--writers 16] [--entries 100000] [--sections write,pending,verify] [--save]
 *                  writers with and without the sealer, its lag, the alternatives in plain SQL, verification; --entries 1000000 is the large form
 *
 * Needs the build (`pnpm build`) and a PostgreSQL server: HIVE_TEST_DATABASE_URL, or a local one. Peers run in the same
 * run, in turns, on databases of their own that are dropped at the end. Prints medians and ratios; --save adds the result to bench/results.
 *
 * All of tasks takes some 25 minutes; `--rounds 1 --seconds 1 --loops 10 --foreign 1000 --finished 1000` is a look at
 * everything in less than two.
 */
import { parseArgs } from 'node:util';
import { httpBench } from './http.js';
import { knowledgeBench } from './knowledge.js';
import { MESSAGE_CROWDS, MESSAGE_PEERS, messagesBench } from './messages.js';
import { readOptions } from './options.js';
import { saveResult } from './result.js';
import { SEAL_SECTIONS, sealBench } from './seal.js';
import { PEERS, SECTIONS, tasksBench } from './tasks.js';
import { VECTOR_PEERS, vectorsBench } from './vectors.js';

const BENCHES = {
  http: { run: httpBench, defaults: { rounds: 5, seconds: 5, connections: [1, 10, 50] } },
  tasks: { run: tasksBench, defaults: { rounds: 3, seconds: 2, loops: [1, 10, 40], batches: [1, 50], only: Object.keys(PEERS), sections: SECTIONS, foreign: 100_000, finished: 1_000_000 } },
  messages: { run: messagesBench, defaults: { rounds: 3, seconds: 2, loops: [1, 10], only: Object.keys(MESSAGE_PEERS), crowds: MESSAGE_CROWDS } },
  knowledge: { run: knowledgeBench, defaults: { rounds: 3 } },
  seal: { run: sealBench, defaults: { rounds: 5, seconds: 4, writers: 16, entries: 100_000, sections: SEAL_SECTIONS } },
  vectors: { run: vectorsBench, defaults: { vectors: 100_000, queries: 50, only: VECTOR_PEERS } },
};

const options = Object.fromEntries(Object.values(BENCHES).flatMap(({ defaults }) => Object.keys(defaults).map((name) => [name, { type: 'string' }])));
const {
  values: { save, help, ...given },
  positionals,
} = parseArgs({ allowPositionals: true, options: { ...options, save: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } } });

const bench = BENCHES[positionals[0] ?? ''];
if (help || !bench) {
  for (const [name, { defaults }] of Object.entries(BENCHES)) console.log(`usage: pnpm bench ${name} ${Object.entries(defaults).map(([option, usual]) => `[--${option} ${usual}]`).join(' ')} [--save]`);
  process.exit(help ? 0 : 2);
}

let chosen;
try {
  chosen = readOptions(given, bench.defaults);
} catch (error) {
  console.error(error.message);
  process.exit(2);
}

const result = await bench.run(chosen);
if (save) console.log(`saved: ${saveResult(positionals[0], result)}`);
