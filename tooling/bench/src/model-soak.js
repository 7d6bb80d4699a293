import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { serverUrl } from './servers.js';

const PACKAGE = new URL('../../../packages/tasks/', import.meta.url).pathname;

/** The test of tasks against the model of their rules, for as many steps as it promises; CI takes fewer. */
export async function modelSoak(engine, number) {
  const steps = number('steps', 10_000);
  const env = { ...process.env, HIVE_TEST_STEPS: String(steps), ...(engine === 'server' ? { HIVE_TEST_DATABASE_URL: serverUrl() } : {}) };
  if (engine === 'embedded') delete env.HIVE_TEST_DATABASE_URL;
  const started = Date.now();
  const child = spawn(process.execPath, ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', '../../node_modules/jest/bin/jest.js', 'model.test'], { cwd: PACKAGE, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  const [code] = await once(child, 'exit');
  if (code !== 0) console.log(output);
  return { steps, seed: Number(/model: seed (\d+)/.exec(output)?.[1]), seconds: (Date.now() - started) / 1000, ok: code === 0 && output.includes('no divergence') };
}
