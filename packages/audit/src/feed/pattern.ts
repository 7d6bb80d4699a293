import { IsArray, ArrayMaxSize, Matches, MaxLength, type ValidationOptions } from 'class-validator';
import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsUniqueList } from '@agent-hive/kernel/http';

/*
 * Patterns of actions
 *
 *   task.completed   that action
 *   task.*           every action of the noun
 *   *                every action
 */
const PATTERN = /^(?:\*|[^*\s\p{Cc}](?:[^*\p{Cc}]*[^*\s\p{Cc}])?|[^*\s\p{Cc}][^*\p{Cc}]*\.\*)$/u;

/** Most patterns that one filter has. */
export const PATTERNS_MAX = 20;

const options: ValidationOptions = { each: true, message: 'each of $property must be an action such as task.completed, every action of a noun such as task.*, or *' };

/** A list of patterns, none twice; each of at most 100 characters. */
export const IsPatternList = (): PropertyDecorator =>
  applyDecorators(IsArray(), ArrayMaxSize(PATTERNS_MAX), IsUniqueList(), MaxLength(100, { each: true }), Matches(PATTERN, options));

/** Reads what a query names once as a list of one. */
export const ToList = (): PropertyDecorator => Transform(({ value }) => (typeof value === 'string' ? [value] : (value as unknown)));

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
