import { rowsOf } from './rows.ts';

/** Rows that a line of a decision record waives. */
export interface Waiver {
  rows: string[];
  line: number;
}

const WAIVES = /^[\s>*_-]*Waives[*_]*:[*_]*\s*(.+?)[*_\s.]*$/;

/**
 * Waivers of a decision record: lines `Waives: S4.84, S3.40-S3.47`. One that was rejected or superseded waives nothing,
 * nor does an example in a code block. `onError` gets what names no row.
 */
export function waiversOf(text: string, onError: (line: number, error: unknown) => void): Waiver[] {
  if (/^#+\s*Status\s*$\s*\W*(?:rejected|superseded)\b/im.test(text)) return [];
  const found: Waiver[] = [];
  let inFence = false;
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:```|~~~)/.test(line)) inFence = !inFence;
    const [, list] = WAIVES.exec(line) ?? [];
    if (inFence || list === undefined) continue;
    try {
      found.push({ rows: rowsOf(list), line: i + 1 });
    } catch (error) {
      onError(i + 1, error);
    }
  }
  return found;
}
