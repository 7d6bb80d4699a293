import { randomInt } from 'node:crypto';
import { testEngine, type TestApp } from '@agent-hive/kernel/testing';
import { Chance, Dice, simpler, type Operation } from './operations.js';
import { Divergence, Trial } from './trial.js';
import { tasksApp } from './world.js';

/** The embedded engine takes three times as long: there, all 10,000 are a soak. */
const STEPS = Number(process.env.HIVE_TEST_STEPS ?? (testEngine() === 'server' ? 10_000 : 600));
/** After so many, a new tenant: what has long ended is of no more interest, and there is less to look through when something is wrong. */
const STEPS_OF_A_TENANT = 250;
const COMPARED_EVERY = 10;
/** How long a divergence is looked at for what of it matters. */
const SHRINKING_MS = 120_000;

describe('tasks and the model of their rules', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await tasksApp();
  });
  afterAll(() => hive.close());

  it(`never part, in ${STEPS.toLocaleString('en')} random operations (10,000 on a server and by pnpm soak model; HIVE_TEST_SEED repeats them)`, async () => {
    const seed = Number(process.env.HIVE_TEST_SEED ?? randomInt(2 ** 31));
    process.stdout.write(`model: seed ${seed}, ${STEPS} operations on the ${testEngine()} engine\n`);
    const dice = new Dice(seed);
    const started = Date.now();
    for (let step = 0; step < STEPS; step += STEPS_OF_A_TENANT) {
      const trial = await Trial.begin(hive);
      const chance = new Chance(dice, trial.model);
      const done: Operation[] = [];
      const diverged = await divergence(trial, Math.min(STEPS_OF_A_TENANT, STEPS - step), () => done[done.push(chance.next()) - 1]!, COMPARED_EVERY);
      if (diverged === null) continue;
      const least = await shrink(hive, done);
      throw new Error(`seed ${seed}, step ${step + done.length}: ${diverged}\n\nAs few operations as bring it about:\n${least.operations.map((operation) => JSON.stringify(operation)).join('\n')}\n\n${least.diverged ?? 'not repeated: it does not follow from the operations alone'}`);
    }
    process.stdout.write(`model: no divergence, ${Math.round((Date.now() - started) / 1000)} s\n`);
  }, STEPS * 150 + 2 * SHRINKING_MS);
});

/** Does operations until the model and the service part, and says how. */
async function divergence(trial: Trial, count: number, next: (i: number) => Operation, comparedEvery: number): Promise<string | null> {
  let operation: Operation | null = null;
  try {
    for (let i = 0; i < count; i++) {
      operation = next(i);
      await trial.perform(operation);
      if ((i + 1) % comparedEvery === 0 || i + 1 === count) await trial.compare();
    }
    return null;
  } catch (error) {
    return `after ${JSON.stringify(operation)}\n${error instanceof Divergence ? error.message : String((error as Error).stack)}`;
  }
}

/** Leaves out what is not needed for a divergence, in ever smaller pieces: delta debugging (Zeller and Hildebrandt, 2002). */
async function shrink(hive: TestApp, operations: readonly Operation[]): Promise<{ operations: readonly Operation[]; diverged: string | null }> {
  const until = Date.now() + SHRINKING_MS;
  let least: { operations: readonly Operation[]; diverged: string | null } = { operations: [], diverged: null };
  const isEnough = async (fewer: readonly Operation[]): Promise<boolean> => {
    const diverged = await divergence(await Trial.begin(hive), fewer.length, (i) => fewer[i]!, 1);
    if (diverged !== null) least = { operations: fewer, diverged };
    return diverged !== null;
  };
  if (!(await isEnough(operations))) return { operations, diverged: null };
  for (let size = operations.length >> 1; size > 0 && Date.now() < until; size >>= 1) {
    for (let at = 0; at < least.operations.length && Date.now() < until; ) {
      if (!(await isEnough(least.operations.toSpliced(at, size)))) at += size;
    }
  }
  for (let at = 0; at < least.operations.length && Date.now() < until; ) {
    if (!(await isAny(simpler(least.operations[at]!), (simple) => isEnough(least.operations.with(at, simple))))) at++;
  }
  return least;
}

async function isAny<T>(values: Iterable<T>, isSo: (value: T) => Promise<boolean>): Promise<boolean> {
  for (const value of values) if (await isSo(value)) return true;
  return false;
}
