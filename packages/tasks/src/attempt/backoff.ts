import type { BackoffKind } from '../task/lifecycle.js';

/** How a task waits between attempts. */
export interface Backoff {
  backoff_kind: BackoffKind;
  backoff_seconds: number;
  backoff_max_seconds: number;
}

/** Share of a pause that chance may take off. */
const JITTER = 0.25;

/**
 * The pause after the failure of an attempt (counted from 1), in milliseconds. Exponential ones double each time up to their
 * maximum; of every pause, up to a quarter is taken off, so that tasks that failed together do not come back together
 * ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
export function pauseMs({ backoff_kind: kind, backoff_seconds: seconds, backoff_max_seconds: maxSeconds }: Backoff, attempt: number, random: number): number {
  const growth = kind === 'exponential' ? 2 ** Math.min(attempt - 1, 30) : 1;
  return Math.round(Math.min(seconds * growth, maxSeconds) * 1000 * (1 - JITTER * random));
}
