import { readFileSync, writeFileSync } from 'node:fs';
import { testEngine, type TestApp } from '@agent-hive/kernel/testing';
import { CHARACTERS, simulate, tableOf, type Point } from './simulation.js';
import { trustApp } from './world.js';

const EVERY = 100;

/** Some 18,000 requests: minutes on the one connection of the embedded engine. */
const onServer = testEngine() === 'server' ? describe : describe.skip;

onServer('three synthetic agents that decide 2,000 times each (some 18,000 requests: server engine)', () => {
  let hive: TestApp;
  const runs = new Map<string, Point[]>();
  beforeAll(async () => {
    hive = await trustApp();
    await Promise.all(CHARACTERS.map(async (character) => runs.set(character.name, await simulate(hive, character, 2000, EVERY))));
  }, 900_000);
  afterAll(() => hive.close());

  it('the calibrated one is promoted, and acts by itself', () => {
    const points = runs.get('calibrated')!;
    expect(points.at(-1)).toMatchObject({ decisions: 2000, autonomy: 1 });
    expect(points.slice(2).every(({ level }) => level === 'L3' || level === 'L4')).toBe(true);
    expect(points.every(({ calibrationError }) => calibrationError < 0.1)).toBe(true);
  });

  it('the over-confident one loses what it was given', () => {
    const points = runs.get('over-confident')!;
    expect(points[0]!.autonomy).toBeGreaterThan(0.2); // it was let through at first
    expect(points.every(({ effectiveLevel }) => effectiveLevel === 'L0')).toBe(true);
    expect(points.slice(1).every(({ autonomy }) => autonomy === 0)).toBe(true);
    expect(points.at(-1)!.calibrationError).toBeGreaterThan(0.15);
  });

  it('the random one never passes L0', () => {
    const points = runs.get('random')!;
    expect(points.every(({ level, effectiveLevel, autonomy }) => level === 'L0' && effectiveLevel === 'L0' && autonomy === 0)).toBe(true);
  });

  it('and docs/trust.csv is what they did: HIVE_PLOT=1 writes it anew', () => {
    const file = new URL('../../../docs/trust.csv', import.meta.url);
    const table = tableOf([...runs].sort(([a], [b]) => a.localeCompare(b)));
    if (process.env.HIVE_PLOT) writeFileSync(file, table);
    expect(table).toBe(readFileSync(file, 'utf8'));
  });
});
