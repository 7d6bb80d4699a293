/*
 * Patterns of actions
 *
 *   task.completed   that action
 *   task.*           every action of the noun
 *   *                every action
 */

/** The form of one. */
export const PATTERN = /^(?:\*|[^*\s\p{Cc}](?:[^*\p{Cc}]*[^*\s\p{Cc}])?|[^*\s\p{Cc}][^*\p{Cc}]*\.\*)$/u;

/** Patterns in the two forms in which an action is compared: whole names, and beginnings. */
export interface Patterns {
  names: readonly string[];
  prefixes: readonly string[];
}

/** Patterns as they are compared; undefined when every action matches. */
export function patternsOf(patterns: readonly string[] | undefined): Patterns | undefined {
  if (patterns === undefined || patterns.includes('*')) return undefined;
  const beginnings = patterns.filter((pattern) => pattern.endsWith('.*'));
  return { names: patterns.filter((pattern) => !pattern.endsWith('.*')), prefixes: beginnings.map((pattern) => pattern.slice(0, -1)) };
}

/** Whether an action is one of those. */
export const matches = (action: string, patterns: Patterns | undefined): boolean =>
  patterns === undefined || patterns.names.includes(action) || patterns.prefixes.some((prefix) => action.startsWith(prefix));
