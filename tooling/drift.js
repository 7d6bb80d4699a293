/*
 * pnpm drift: everything that is generated and committed is what the code gives. Runs every check, then exits 1 if one failed.
 *
 *   openapi.json              the HTTP contract
 *   src/migrations/snapshot   of every domain: no entity has changed without a migration
 *   apps/cli/schema.json      the catalogue that all migrations give
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const domains = readdirSync(`${root}packages`).filter((name) => existsSync(`${root}packages/${name}/src/migrations/snapshot.json`));

const run = (what, cwd, ...args) => {
  const { status } = spawnSync(process.execPath, args, { cwd: root + cwd, stdio: 'inherit' });
  if (status !== 0) console.error(`drift: ${what} failed`);
  return status === 0;
};

// The checks read built code: a stale build would check what no longer is.
if (!run('the build', '.', `${root}node_modules/turbo/bin/turbo`, 'run', 'build', '--output-logs=errors-only')) process.exit(1);

const results = [
  run('openapi.json', 'apps/api', 'dist/docs/main.js', '--check'),
  ...domains.map((name) => run(`packages/${name}`, `packages/${name}`, `${root}tooling/migration/main.js`, 'check')),
  run('schema.json', 'apps/cli', 'dist/schema-file.js', '--check'),
];
process.exit(results.every(Boolean) ? 0 : 1);
