import type { Risk } from '@agent-hive/audit';
import { TRUST_LEVELS } from '@agent-hive/agents';

/*
 * What a level allows without asking, by the risk of the action
 *
 *              low                        medium     high       critical
 *   L0         asks                       asks       asks       asks
 *   L1         reads and suggestions      asks       asks       asks
 *   L2         allowed                    asks       asks       asks
 *   L3         allowed                    allowed    asks       asks
 *   L4         allowed                    allowed    allowed    asks       a person decides, at every level
 *
 * gate.sql.ts says the same in SQL; a test compares the two over the whole table.
 */

/** Action classes that only read or suggest: nothing comes of them until somebody takes them up. */
export const SUGGESTING: readonly string[] = ['read', 'suggest', 'review', 'planning', 'design'];

/** Stands for every class that has no standing of its own. */
export const ANY_CLASS = '*';

/** Class of an action that names none. */
export const OTHER_CLASS = 'other';

/** The least level, as its place in TRUST_LEVELS, that does an action without asking; null when none does. */
export function levelNeeded(actionClass: string, risk: Risk): number | null {
  switch (risk) {
    case 'low':
      return SUGGESTING.includes(actionClass) ? 1 : 2;
    case 'medium':
      return 3;
    case 'high':
      return 4;
    case 'critical':
      return null;
  }
}

/** Whether a level does an action without asking. */
export function allows(level: number, actionClass: string, risk: Risk): boolean {
  const needed = levelNeeded(actionClass, risk);
  return needed !== null && level >= needed;
}

/** Why an action goes through, or waits for a person: for the one who reads the answer. */
export function reasonOf(level: number, actionClass: string, risk: Risk): string {
  const has = `${TRUST_LEVELS[level]} for ${actionClass}`;
  const needed = levelNeeded(actionClass, risk);
  if (needed === null) return `A person decides on what is ${risk}, whatever the level`;
  return level >= needed ? `${has} allows ${risk} risk` : `${has} asks before ${risk} risk, which takes ${TRUST_LEVELS[needed]}`;
}

/** An agent's levels by class, as places in TRUST_LEVELS. */
export type Levels = Readonly<Record<string, number>>;

/** The level in a class: its own, else that of every class, else L0. */
export const levelIn = (levels: Levels | null, actionClass: string): number => (levels && Object.hasOwn(levels, actionClass) ? levels[actionClass]! : (levels?.[ANY_CLASS] ?? 0));
