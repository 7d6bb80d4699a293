import { selectLineage, type Stretch } from '@agent-hive/agents';
import type { Sql } from '@agent-hive/kernel';
import type { MessageRow } from './message.dto.js';
import { selectStretch, type Found, type Range } from './message.sql.js';

/** Messages that a session shows, and whether there are more of them in the range. */
export interface History {
  rows: MessageRow[];
  hasMore: boolean;
}

/**
 * What a session shows in a range: its own messages, and those that it shares with what it was forked from. One statement for each
 * session that rows come from, and no row is read that is not shown, but one. Undefined when there is no such session.
 *
 *   fork of a fork   11 12 13          own, after the 10 that it shares
 *   fork             .. 8 9 10 11 12   of which the first 10 are shared, and of these 7 with
 *   first session    1 .. 7 8 9 10
 */
export async function readHistory(db: Sql, sessionId: string, range: Range): Promise<History | undefined> {
  const own = await selectStretch(db, sessionId, { ...range, limit: range.limit + 1 });
  if (!own) return undefined;
  if (!own.fork || (range.after ?? 0) >= own.fork.upTo) return historyOf([own], range.limit);
  return range.order === 'newest' ? readBack(db, own, range) : readOn(db, sessionId, range);
}

/** From the newest on, back through what is shared. */
async function readBack(db: Sql, own: Found, range: Range): Promise<History> {
  const parts = [own];
  let [fork, lacking, bytes] = [own.fork, range.limit + 1 - own.rows.length, sizeOf(own)];
  while (fork && lacking > 0 && !parts.at(-1)!.isCut && bytes < range.maxBytes && (range.after ?? 0) < fork.upTo) {
    const part = await selectStretch(db, fork.sessionId, { ...range, before: Math.min(range.before ?? Infinity, fork.upTo + 1), limit: lacking, maxBytes: range.maxBytes - bytes });
    if (!part) break;
    parts.push(part);
    [fork, lacking, bytes] = [part.fork, lacking - part.rows.length, bytes + sizeOf(part)];
  }
  return historyOf(parts, range.limit, fork !== null && bytes >= range.maxBytes);
}

/** From the oldest on, through what is shared to its own. */
async function readOn(db: Sql, sessionId: string, range: Range): Promise<History> {
  const line = await selectLineage(db, sessionId);
  const parts: Found[] = [];
  let [lacking, bytes] = [range.limit + 1, 0];
  for (const { sessionId: id, upTo } of line.reverse()) {
    if (upTo <= (range.after ?? 0)) continue;
    if (lacking <= 0 || parts.at(-1)?.isCut || bytes >= range.maxBytes) return historyOf(parts, range.limit, true);
    const part = await selectStretch(db, id, { ...range, before: Math.min(range.before ?? Infinity, upTo + 1), limit: lacking, maxBytes: range.maxBytes - bytes });
    if (!part) continue;
    parts.push(part);
    [lacking, bytes] = [lacking - part.rows.length, bytes + sizeOf(part)];
  }
  return historyOf(parts, range.limit);
}

const sizeOf = ({ rows }: Found): number => rows.reduce((sum, row) => sum + row.size_bytes, 0);

function historyOf(parts: readonly Found[], limit: number, wasStopped = false): History {
  const rows = parts.flatMap((part) => part.rows);
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit || wasStopped || parts.some((part) => part.isCut) };
}

/** Where a sequence of a session lies: in itself, or in what it shares. Undefined when it shows no such message. */
export function stretchOf(line: readonly Stretch[], sequence: number): Stretch | undefined {
  const at = line.findIndex((_, i) => sequence > (line[i + 1]?.upTo ?? 0));
  const found = line[at];
  return found && sequence <= found.upTo ? { sessionId: found.sessionId, upTo: sequence } : undefined;
}
