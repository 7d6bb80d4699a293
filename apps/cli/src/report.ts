import { explain, type Io } from '@agent-hive/api';
import { CommandFailed } from './context.js';

/** Says why a command failed: in a sentence where its caller can act on it, with the stack where nobody foresaw it. */
export function report(error: unknown, io: Io): void {
  const message = error instanceof CommandFailed ? error.message : explain(error);
  if (message !== null) io.err(`hive: ${message}`);
  else io.err(`hive: this should not happen; please report it:\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
}
