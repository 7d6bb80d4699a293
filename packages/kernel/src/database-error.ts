/** SQLSTATE of a failure that came from PostgreSQL, through whatever wrappers; undefined for any other failure. */
export function sqlState(error: unknown): string | undefined {
  for (let at = error as { code?: unknown; cause?: unknown } | undefined; at && typeof at === 'object'; at = at.cause as typeof at) {
    if (typeof at.code === 'string' && /^[0-9A-Z]{5}$/.test(at.code)) return at.code;
  }
  return undefined;
}

/** Name of the violated constraint, when the failure names one. */
export function constraintName(error: unknown): string | undefined {
  for (let at = error as { constraint?: unknown; cause?: unknown } | undefined; at && typeof at === 'object'; at = at.cause as typeof at) {
    if (typeof at.constraint === 'string') return at.constraint;
  }
  return undefined;
}

/** Another row has the key. */
export const isUniqueViolation = (error: unknown): boolean => sqlState(error) === '23505';
/** A row refers to one that is not there, or one that goes is referred to. */
export const isForeignKeyViolation = (error: unknown): boolean => sqlState(error) === '23503' || sqlState(error) === '23001';
/** The database would not keep a value: a CHECK, or no such number, date, text or JSON. A validator let it through. */
export const isRefusedValue = (error: unknown): boolean => sqlState(error) === '23514' || sqlState(error)?.startsWith('22') === true;
/** Waiting for a lock took longer than `lock_timeout`. */
export const isLockTimeout = (error: unknown): boolean => sqlState(error) === '55P03';
/** Two transactions waited for each other, and this one was chosen to give way; nothing of it was written. */
export const isDeadlock = (error: unknown): boolean => sqlState(error) === '40P01';
/** Nobody gave a connection back in time. The pool has no code for it. */
export const isPoolExhausted = (error: unknown): boolean => messages(error).some((message) => message === 'timeout exceeded when trying to connect');
/** The server went away, is starting, is shutting down, or refused one more connection. */
export const isConnectionLoss = (error: unknown): boolean => {
  const code = (error as { code?: unknown } | undefined)?.code;
  return /^(08|57P)/.test(sqlState(error) ?? '') || sqlState(error) === '53300' || code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'ENOTFOUND' || code === 'ETIMEDOUT' || code === 'EPIPE' || messages(error).some((message) => LOST.test(message));
};

/** What pg says, without a code, of a connection that is gone. */
const LOST = /^Connection terminated\b|^Client has encountered a connection error/;

/** The failure's message, and those of what caused it. */
function messages(error: unknown): string[] {
  const found: string[] = [];
  for (let at = error as { message?: unknown; cause?: unknown } | undefined; at && typeof at === 'object'; at = at.cause as typeof at) if (typeof at.message === 'string') found.push(at.message);
  return found;
}
