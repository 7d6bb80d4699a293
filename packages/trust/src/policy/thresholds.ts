/** What an agent needs for a level, and what it loses it by. Shares are 0 to 1. */
export interface LevelThresholds {
  /** The least lower bound of approved decisions (Wilson, 95 %) over the window that leads to the level. */
  promoteAt: number;
  /** The lower bound below which it is lost: less than `promoteAt`, so that it does not go to and fro. */
  demoteBelow: number;
  /** The least number of judged decisions: of the window, or of the last `days`. */
  minDecisions: number;
  /** The least share of approved ones among these. */
  minSuccessRate: number;
  /** Days over which decisions are counted; null for the window. */
  days: number | null;
}

/** By what levels are given and taken. */
export interface Thresholds {
  /** Of L1 and the levels above it, in turn; one that is not listed is only given by an override. */
  levels: LevelThresholds[];
  /** How many of the last judged decisions count. */
  windowSize: number;
  /** The share of rejected ones above which a level is lost. */
  maxRejectionRate: number;
  /** The expected calibration error above which a level is lost. */
  maxCalibrationError: number;
  /** The least number of judged decisions, and of stated confidences, of which shares are taken to take a level. */
  minSamples: number;
  /** Judged decisions between two changes of a level. */
  cooldownDecisions: number;
  /** Time between two changes. */
  cooldownSeconds: number;
  /** Days without a judged decision after which a level is lost. */
  inactivityDays: number;
}

const step = (promoteAt: number): LevelThresholds => ({ promoteAt, demoteBelow: Math.round((promoteAt - 0.05) * 100) / 100, minDecisions: 30, minSuccessRate: 0, days: null });

const over = (days: number, minDecisions: number, promoteAt: number, minSuccessRate: number): LevelThresholds => ({ promoteAt, demoteBelow: Math.round((promoteAt - 0.05) * 100) / 100, minDecisions, minSuccessRate, days });

/** Names of the policies that every tenant can take. */
export const PRESET_NAMES = ['default', 'conservative'] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** The thresholds of a preset. */
export function thresholdsOf(preset: PresetName): Thresholds {
  return preset === 'default'
    ? {
        levels: [step(0.7), step(0.8), step(0.9), step(0.95)],
        windowSize: 200, maxRejectionRate: 0.2, maxCalibrationError: 0.2, minSamples: 30, cooldownDecisions: 30, cooldownSeconds: 0, inactivityDays: 30,
      }
    : {
        levels: [over(30, 100, 0.7, 0.9), over(60, 500, 0.85, 0.95), over(90, 1000, 0.95, 0.98)],
        windowSize: 200, maxRejectionRate: 0.1, maxCalibrationError: 0.15, minSamples: 30, cooldownDecisions: 100, cooldownSeconds: 86_400, inactivityDays: 14,
      };
}

/** A policy as it is applied: version 0 is the default preset of a tenant that has set none. */
export interface Policy {
  version: number;
  name: string;
  thresholds: Thresholds;
}

/** One threshold that another one contradicts. */
export interface Crossing {
  /** JSON pointer into the thresholds. */
  pointer: string;
  message: string;
}

/** Thresholds that cross: a level that is lost before it is reached, or reached more easily than the one below it. */
export function crossings({ levels, windowSize, minSamples, cooldownDecisions }: Thresholds): Crossing[] {
  const found: Crossing[] = [];
  const say = (pointer: string, message: string) => void found.push({ pointer, message });
  let below: LevelThresholds | null = null;
  for (const [i, level] of levels.entries()) {
    const at = `/levels/${i}`;
    if (level.demoteBelow >= level.promoteAt) say(`${at}/demoteBelow`, `must be less than promoteAt of L${i + 1}, ${level.promoteAt}`);
    if (level.days === null && level.minDecisions > windowSize) say(`${at}/minDecisions`, `must be at most windowSize, ${windowSize}`);
    if (below) {
      if (level.promoteAt <= below.promoteAt) say(`${at}/promoteAt`, `must be more than promoteAt of L${i}, ${below.promoteAt}`);
      if (level.demoteBelow <= below.demoteBelow) say(`${at}/demoteBelow`, `must be more than demoteBelow of L${i}, ${below.demoteBelow}`);
      if (level.minSuccessRate < below.minSuccessRate) say(`${at}/minSuccessRate`, `must be at least minSuccessRate of L${i}, ${below.minSuccessRate}`);
    }
    below = level;
  }
  if (minSamples > windowSize) say('/minSamples', `must be at most windowSize, ${windowSize}`);
  if (cooldownDecisions > windowSize) say('/cooldownDecisions', `must be at most windowSize, ${windowSize}`);
  return found;
}
