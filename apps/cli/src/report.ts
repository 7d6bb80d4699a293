import { ConfigInvalid, explain, type Io } from '@agent-hive/api';
import { CommandFailed } from './context.js';
import { failureLine } from './json.js';

/**
 * Says why a command failed: in a sentence where its caller can act on it, with the stack where nobody foresaw it. Where JSON was
 * asked for, it is `{"error": {"code", "message"}}` on one line; with `broken` for a configuration that is not valid.
 */
export function report(error: unknown, io: Io, json: boolean): void {
  const known = error instanceof CommandFailed ? error.message : explain(error);
  const message = known ?? `this should not happen; please report it:\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  if (json) io.err(failureLine(known === null ? 'internal' : codeOf(error), message, error instanceof ConfigInvalid ? { broken: error.broken } : {}));
  else io.err(`hive: ${message}`);
}

/** The code of a problem that a hive answered with; else the name of the error, `DirectoryInUse` as `directory-in-use`. */
function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name: string };
  if (error instanceof CommandFailed && typeof code === 'string') return code;
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}
