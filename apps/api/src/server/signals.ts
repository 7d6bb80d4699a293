import type { Environment } from '../config/config.js';
import type { Io } from './io.js';
import { startHive, type StartOptions } from './start.js';

/** A terminal sends Ctrl-C to the package manager too, which passes it on: what comes so soon is the same signal. */
const ECHO_MS = 200;

/**
 * Serves until the process is told to stop (SIGTERM, SIGINT), then drains. Resolves with the exit code. Told while it still
 * starts, it stops as soon as it has started; a second signal exits with 1 at once.
 */
export async function serveUntilSignal(env: Environment, io: Io, options: StartOptions = {}): Promise<number> {
  const told = firstSignal();
  const hive = await startHive(env, io, options);
  await told;
  await hive.stop();
  if (options.json) io.out(JSON.stringify({ event: 'stopped' }));
  return 0;
}

function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    let toldAt: number | undefined;
    const onSignal = () => {
      if (toldAt !== undefined && performance.now() - toldAt > ECHO_MS) process.exit(1);
      toldAt ??= performance.now();
      resolve();
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  });
}
