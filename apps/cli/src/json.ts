import type { Io } from '@agent-hive/api';

/** A failure as a line of JSON: a code for programs, the message for people, and what else is known. */
export const failureLine = (code: string, message: string, more: object = {}): string => JSON.stringify({ error: { code, message, ...more } });

/** The same output with everything said along the way as JSON, one object a line, under the name that log lines have for it. */
export const jsonLines = (io: Io): Io => ({ out: (line) => io.out(line), err: (msg) => io.err(JSON.stringify({ msg })) });
