/*
 * Times of a cron expression in a time zone
 *
 * Five fields (minute hour day month weekday) or six with seconds first, with lists, ranges, steps, names, `L`, `W`, `#`, and
 * `@daily` and its kind. When both day and weekday are restricted, either will do; `+` before the weekday asks for both.
 *
 * When clocks change, as in Vixie's cron, where a job with a `*` or a step in seconds, minutes or hours is one that repeats,
 * and any other is one of fixed times:
 *
 *   fixed times, `30 2 * * *`    in the hour that is left out: at the first moment after it (03:00), that day too exactly once
 *                                in the hour that comes twice: the first time, not the second
 *   repeating,   `0 * * * *`     goes on by real time: neither an hour without a run nor two runs in one; what is limited to the
 *                                hour that is left out (such as each ten minutes from 2 to 3) does not run that day, and in the
 *                                one that comes twice it runs in both
 *
 *   Europe/Berlin     spring   2026-03-29   01:59 CET, then 03:00 CEST    30 2 * * *  at 01:00Z (03:00 CEST)
 *                     autumn   2026-10-25   02:00 to 03:00 twice          30 2 * * *  at 00:30Z (02:30 CEST), not at 01:30Z
 *   America/New_York  spring   2026-03-08   01:59 EST, then 03:00 EDT     30 2 * * *  at 07:00Z (03:00 EDT)
 *                     autumn   2026-11-01   01:00 to 02:00 twice          30 1 * * *  at 05:30Z (01:30 EDT), not at 06:30Z
 */
import { Cron } from 'croner';
import { Invalid } from '@agent-hive/kernel';
import type { CatchUpPolicy } from './schedule.entity.js';

/** When something happens: a cron expression, and the zone whose clocks it means. */
export interface Timing {
  cron: string;
  /** IANA name. */
  timeZone: string;
}

/** A time is not missed before it is so long past: servers restart, and a tick comes late. */
const LATE_MS = 60_000;

/** Throws Invalid, with a pointer and the reason, on an unknown zone, a malformed expression, and one that has no time after `now`. */
export function requireTiming(timing: Timing, now: Date): void {
  if (!isZone(timing.timeZone)) refuse('/timeZone', `${timing.timeZone} is no IANA time zone, such as Europe/Berlin or UTC`);
  if (timesOf(timing).nextRun(now) === null) refuse('/cron', `${timing.cron} never fires: no date is like that`);
}

/** The first time after a moment; null when there is none. Throws Invalid as requireTiming() does. */
export const nextAfter = (timing: Timing, after: Date): Date | null => timesOf(timing).nextRun(after);

/** The first `limit` times after a moment. Throws Invalid as requireTiming() does. */
export const occurrences = (timing: Timing, after: Date, limit: number): Date[] => timesOf(timing).nextRuns(limit, after);

/** What is to be done about a time that has come: which one to fire, if any, and which one comes next. */
export interface Turn {
  fireAt: Date | null;
  nextRunAt: Date | null;
}

/**
 * Decides about a time that has come, and all that came after it until now.
 *   all    each is fired, this one now
 *   one    this one is fired for all of them
 *   skip   each is fired that is less than 60 s past; older ones were missed and are left out
 */
export function turnOf(timing: Timing, catchUp: CatchUpPolicy, dueAt: Date, now: Date): Turn {
  if (catchUp === 'all') return { fireAt: dueAt, nextRunAt: nextAfter(timing, dueAt) };
  if (catchUp === 'one') return { fireAt: dueAt, nextRunAt: nextAfter(timing, now) };
  const missed = new Date(now.getTime() - LATE_MS);
  const first = dueAt > missed ? dueAt : nextAfter(timing, missed);
  return first === null || first > now ? { fireAt: null, nextRunAt: first } : { fireAt: first, nextRunAt: nextAfter(timing, first) };
}

function timesOf({ cron, timeZone }: Timing): Cron {
  const parsed = parse(cron, timeZone);
  // A date is a pattern to croner, which fires once.
  if (parsed.getOnce() !== null) refuse('/cron', `${cron} is a date, and must be a cron expression of 5 fields, or 6 with seconds first`);
  return parsed;
}

function parse(cron: string, timeZone: string): Cron {
  try {
    return new Cron(cron, { timezone: timeZone, paused: true, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard' });
  } catch (error) {
    return refuse('/cron', `${cron} is no cron expression of 5 fields, or 6 with seconds first: ${(error as Error).message.replace(/^CronPattern: /, '')}`);
  }
}

/** Node also takes offsets such as +02:00, which know no summer, and the empty text, which would be the zone of the server. */
function isZone(timeZone: string): boolean {
  if (!/^[A-Za-z]/.test(timeZone)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function refuse(pointer: string, message: string): never {
  throw new Invalid(message, [{ pointer, message }]);
}
