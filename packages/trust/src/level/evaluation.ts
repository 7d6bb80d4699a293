import { TRUST_LEVELS, wilson } from '@agent-hive/agents';
import type { Policy, LevelThresholds } from '../policy/thresholds.js';
import { calibrationOf, round, type Calibration } from './calibration.js';

/** What was said of a decision: 1 approved, 0 modified, -1 rejected. */
export type Verdict = 1 | 0 | -1;

/** One judged decision: the verdict, the confidence that was stated (null for none), and whether it went through without asking. */
export type Judgement = readonly [verdict: Verdict, confidence: number | null, wasAutonomous: 0 | 1];

/** What an evaluation looks at. */
export interface Standing {
  /** Earned level, as its place in TRUST_LEVELS. */
  level: number;
  /** Level of an override in force; null without one. */
  overrideLevel: number | null;
  /** The last judged decisions, the oldest first. */
  window: readonly Judgement[];
  /** Decisions judged since the last change. */
  judgedSinceChange: number;
  changedAt: Date;
}

/** Judged decisions of the last days. */
export interface DayCount {
  judged: number;
  approved: number;
}

/** Figures that a change of a level rests on. */
export interface Evidence {
  windowSize: number;
  samples: number;
  approved: number;
  modified: number;
  rejected: number;
  /** Share of approved ones and its Wilson 95 % interval; null without a sample. */
  approvalRate: number | null;
  low: number | null;
  high: number | null;
  rejectionRate: number | null;
  brierScore: number | null;
  expectedCalibrationError: number | null;
  statedConfidences: number;
  judgedSinceChange: number;
}

/** Why a level goes up or down. */
export interface Verdicts {
  to: number;
  kind: 'promotion' | 'demotion';
  reason: string;
}

/** The figures of a window. */
export function evidenceOf(standing: Pick<Standing, 'window' | 'judgedSinceChange'>, windowSize: number): Evidence {
  const window = standing.window.slice(-windowSize);
  const samples = window.length;
  const count = (verdict: Verdict): number => window.filter(([given]) => given === verdict).length;
  const [approved, modified, rejected] = [count(1), count(0), count(-1)];
  const bound = wilson(approved, samples);
  const { brierScore, expectedCalibrationError, samples: statedConfidences } = calibrationIn(window);
  const share = (part: number): number | null => (samples === 0 ? null : round(part / samples));
  return {
    windowSize, samples, approved, modified, rejected, approvalRate: share(approved), low: bound && round(bound.low), high: bound && round(bound.high),
    rejectionRate: share(rejected), brierScore, expectedCalibrationError, statedConfidences, judgedSinceChange: standing.judgedSinceChange,
  };
}

/** Calibration of the confidences that were stated in a window. A decision that had to be modified was not right. */
export const calibrationIn = (window: readonly Judgement[]): Calibration =>
  calibrationOf(window.flatMap(([verdict, confidence]) => (confidence === null ? [] : [{ confidence, wasRight: verdict === 1 }])));

/**
 * Where a level goes after a judged decision: one up, one down, or null to stay. Down is looked at first, of the level that is in
 * force, an override in it; an override that lets an agent do more than it has earned ends by that. `days` are the decisions of as
 * many days as the next level asks for.
 */
export function evaluate(standing: Standing, { thresholds }: Policy, options: { now: Date; isFrozen: boolean; days: DayCount | null }): Verdicts | null {
  const { now, isFrozen, days } = options;
  const evidence = evidenceOf(standing, thresholds.windowSize);
  const isCooling = standing.judgedSinceChange < thresholds.cooldownDecisions || now.getTime() - standing.changedAt.getTime() < thresholds.cooldownSeconds * 1000;
  if (isCooling) return null;
  const inForce = Math.max(standing.level, standing.overrideLevel ?? 0);
  const lost = inForce === 0 ? null : demotion(evidence, standing.level, thresholds);
  if (lost !== null) return { to: Math.max(0, standing.level - 1), kind: 'demotion', reason: lost };
  if (isFrozen || standing.level === TRUST_LEVELS.length - 1) return null;
  const wanted = thresholds.levels[standing.level];
  const earned = wanted ? promotion(evidence, wanted, thresholds, days) : null;
  return earned === null ? null : { to: standing.level + 1, kind: 'promotion', reason: earned };
}

/** The reason to take a level, if there is one. */
function demotion(evidence: Evidence, level: number, thresholds: Policy['thresholds']): string | null {
  const { rejectionRate, expectedCalibrationError, low, samples, statedConfidences } = evidence;
  if (samples >= thresholds.minSamples && rejectionRate !== null && rejectionRate > thresholds.maxRejectionRate) {
    return `Rejection rate ${rejectionRate} is above ${thresholds.maxRejectionRate}`;
  }
  if (statedConfidences >= thresholds.minSamples && expectedCalibrationError !== null && expectedCalibrationError > thresholds.maxCalibrationError) {
    return `Calibration error ${expectedCalibrationError} is above ${thresholds.maxCalibrationError}`;
  }
  // A level that the policy does not give, earned under another one, is kept by the bound of the highest that it does.
  const held = level === 0 ? null : thresholds.levels[Math.min(level, thresholds.levels.length) - 1];
  if (held && samples >= thresholds.minSamples && low !== null && low < held.demoteBelow) return `Lower bound ${low} of approved decisions is below ${held.demoteBelow}`;
  return null;
}

/** The reason to give the next level, if it is earned. */
function promotion(evidence: Evidence, wanted: LevelThresholds, thresholds: Policy['thresholds'], days: DayCount | null): string | null {
  const { low, samples, approved, rejectionRate } = evidence;
  const counted: DayCount = wanted.days === null ? { judged: samples, approved } : (days ?? { judged: 0, approved: 0 });
  if (low === null || low < wanted.promoteAt || counted.judged < wanted.minDecisions || counted.approved / counted.judged < wanted.minSuccessRate) return null;
  // What takes a level must not give one, however the thresholds lie.
  if (rejectionRate !== null && rejectionRate > thresholds.maxRejectionRate) return null;
  if ((evidence.expectedCalibrationError ?? 0) > thresholds.maxCalibrationError) return null;
  const where = wanted.days === null ? `of ${samples} decisions` : `with ${counted.judged} decisions in ${wanted.days} days`;
  return `Lower bound ${low} of approved decisions, ${where}, reaches ${wanted.promoteAt}`;
}
