import { setImmediate } from 'node:timers/promises';

/** A computation holds the process this long at most before others have their turn. */
const TURN_MS = 20;

/** Runs a long computation step by step, so that the process answers others meanwhile. Returns what it returns. */
export async function inTurns<T>(steps: Generator<unknown, T>): Promise<T> {
  for (let until = performance.now() + TURN_MS; ; ) {
    const { done, value } = steps.next();
    if (done) return value;
    if (performance.now() < until) continue;
    await setImmediate();
    until = performance.now() + TURN_MS;
  }
}
