#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// Compiled code of the dependencies is kept between starts, which halves the time that a start spends on loading them.
enableCompileCache();

const { run } = await import('./program.js');
const code = await run(process.argv.slice(2), {
  env: process.env,
  io: { out: (line) => void process.stdout.write(`${line}\n`), err: (line) => void process.stderr.write(`${line}\n`) },
});
// A server that drained has nothing left to wait for; a timer of some library must not hold the process.
process.exit(code);
