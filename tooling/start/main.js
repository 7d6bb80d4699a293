/*
 * node tooling/start/main.js <arguments of hive>
 *
 * Builds what has changed, then runs `hive` in this same process, so that signals reach it whatever started it. turbo
 * decides what has changed by the contents of the sources, in some 40 ms when nothing has: stale code never runs.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SILENT_MS = 1_000;
const path = (relative) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));

await build();
process.argv.splice(1, 1, path('apps/cli/dist/main.js'));
await import('../../apps/cli/dist/main.js');

async function build() {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1', DO_NOT_TRACK: '1' };
  const args = [path('node_modules/turbo/bin/turbo'), 'run', 'build', '--filter=@agent-hive/cli', '--output-logs=errors-only'];
  const turbo = spawn(process.execPath, args, { cwd: path('.'), env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  for (const stream of [turbo.stdout, turbo.stderr]) stream.on('data', (chunk) => output.push(chunk));
  const started = performance.now();
  let said = false;
  const timer = setTimeout(() => {
    said = true;
    console.error('Building Agent Hive, as its sources have changed ...');
  }, SILENT_MS);
  const code = await new Promise((resolve, reject) => turbo.on('error', reject).on('close', resolve));
  clearTimeout(timer);
  if (code === 0) {
    if (said) console.error(`Built in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return;
  }
  process.stderr.write(Buffer.concat(output));
  console.error('The build failed, so nothing was started.');
  process.exit(1);
}
