import type { Environment, Io } from '@agent-hive/api';

/** What a command works with: nothing reads the process itself. */
export interface Context {
  env: Environment;
  io: Io;
}

/** Exit codes of every command. */
export const OK = 0;
export const FAILED = 1;
export const USAGE = 2;

/** A command cannot do what it was asked, for a reason that its caller can remove; printed without a stack. */
export class CommandFailed extends Error {
  override readonly name: string = 'CommandFailed';
}

/** A command line asks for what cannot be together; exits with 2. */
export class WrongUsage extends CommandFailed {
  override readonly name = 'Usage';
}

/** Commands other than `start` are quiet unless they are told otherwise: their output is their result. */
export const quiet = (env: Environment): Environment => ({ ...env, LOG_LEVEL: env.LOG_LEVEL || 'warn' });

/** Rows under headings, columns as wide as their widest cell. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd());
}
