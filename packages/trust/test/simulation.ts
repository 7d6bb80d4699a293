import { runAs } from '@agent-hive/kernel';
import type { TestApp } from '@agent-hive/kernel/testing';
import { DecisionsService } from '../src/index.js';
import { aSession, anAgent, asAgent, overridden, trustOf } from './world.js';

/** How a synthetic agent decides: how often it is right, and how sure it says that it is. */
export interface Character {
  name: string;
  seed: number;
  /** Probability that a decision is approved; others are rejected. */
  approval: number;
  confidence: (random: () => number) => number;
  /** What a person believed of it at first. */
  override?: string;
}

/** The agents of docs/trust.md. */
export const CHARACTERS: readonly Character[] = [
  { name: 'calibrated', seed: 7, approval: 0.97, confidence: () => 0.97 },
  { name: 'over-confident', seed: 11, approval: 0.7, confidence: () => 0.95, override: 'L3' },
  { name: 'random', seed: 13, approval: 0.5, confidence: (random) => Math.round(random() * 100) / 100 },
];

/** Where an agent stands after some of its decisions. */
export interface Point {
  decisions: number;
  level: string;
  effectiveLevel: string;
  /** Lower bound of approved decisions in the window. */
  low: number;
  calibrationError: number;
  brierScore: number;
  /** Share that went through without asking, of those since the point before. */
  autonomy: number;
}

/** A generator of numbers from 0 to 1 that gives the same ones for a seed (mulberry32, T. Ettinger). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Lets an agent decide, and a person judge, through the services; returns where it stands after every `every` decisions. */
export async function simulate(hive: TestApp, character: Character, decisions: number, every: number): Promise<Point[]> {
  const service = hive.app.get(DecisionsService, { strict: false });
  const random = randomOf(character.seed);
  const agent = await anAgent(hive);
  if (character.override) await overridden(hive, agent, character.override, { actionClass: 'code_generation' });
  const session = await aSession(hive, agent, { trustLevel: 'L4' });
  const points: Point[] = [];
  let allowed = 0;
  for (let n = 1; n <= decisions; n++) {
    const confidenceScore = character.confidence(random);
    const body = { decisionType: 'code_generation' as const, inputContext: {}, actionTaken: { kind: 'edit' }, confidenceScore };
    const made = await runAs(hive.orm.em, asAgent(agent, hive.me), () => service.create(session.id, body));
    allowed += Number(made.authorization.outcome === 'allowed');
    const feedback = random() < character.approval ? 'approved' : 'rejected';
    await runAs(hive.orm.em, hive.me, () => service.judge(made.id, { feedback }));
    if (n % every !== 0) continue;
    const [trust] = (await trustOf(hive, agent)).classes;
    const { level, effectiveLevel, confidence, calibration } = trust!;
    points.push({ decisions: n, level, effectiveLevel, low: confidence.low!, calibrationError: calibration.expectedCalibrationError!, brierScore: calibration.brierScore!, autonomy: allowed / every });
    allowed = 0;
  }
  return points;
}

/** What agents did, as CSV: the plot data of docs/trust.md. */
export const tableOf = (runs: readonly (readonly [string, readonly Point[]])[]): string => {
  const rows = runs.flatMap(([name, points]) => points.map((p) => [name, p.decisions, p.level, p.effectiveLevel, p.low, p.calibrationError, p.brierScore, p.autonomy].join(',')));
  return ['agent,decisions,level,effective_level,lower_bound,calibration_error,brier_score,autonomy', ...rows, ''].join('\n');
};
