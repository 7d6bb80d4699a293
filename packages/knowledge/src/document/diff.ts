import { structuredPatch } from 'diff';
import type { DocumentDiffDto } from './document-version.dto.js';

/** Lines around a change. */
const CONTEXT_LINES = 3;

/** The comparison costs the lines times the changes: texts of megabytes that have nothing in common would hold the process. */
const TIMEOUT_MS = 2_000;

/** How two texts differ, line by line (Myers); null when it takes too long to tell. */
export function diffOf(older: string, newer: string): Omit<DocumentDiffDto, 'documentId' | 'from' | 'to'> | null {
  const patch = structuredPatch('', '', older, newer, '', '', { context: CONTEXT_LINES, timeout: TIMEOUT_MS });
  if (!patch) return null;
  const count = (sign: string): number => patch.hunks.reduce((sum, hunk) => sum + hunk.lines.filter((line) => line.startsWith(sign)).length, 0);
  return { addedLines: count('+'), removedLines: count('-'), hunks: patch.hunks.map(({ oldStart, oldLines, newStart, newLines, lines }) => ({ oldStart, oldLines, newStart, newLines, lines })) };
}
