import type { Row } from './matrix.ts';
import { BadReference, rowsOf } from './rows.ts';

/** A row that must be proven or waived, and the line that says so. */
export interface Required {
  id: string;
  line: number;
}

/**
 * Rows of a list of closed rows, one entry a line: `S1.42`, `S3.40-S3.47, S4.1`, `domain:agents`, each with ` except ` and
 * rows to leave out. `#` begins a comment. Throws BadReference, with the line, for what is not in the matrix.
 */
export function requiredRows(text: string, matrix: ReadonlyMap<string, Row>): Required[] {
  const required = new Map<string, Required>();
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const entry = raw.replace(/#.*/, '').trim();
    if (entry === '') continue;
    try {
      for (const id of rowsOfEntry(entry, matrix)) if (!required.has(id)) required.set(id, { id, line: i + 1 });
    } catch (error) {
      throw error instanceof BadReference ? new BadReference(`line ${i + 1}: ${error.message}`, { cause: error }) : error;
    }
  }
  return [...required.values()];
}

function rowsOfEntry(entry: string, matrix: ReadonlyMap<string, Row>): string[] {
  const [what = '', without, ...more] = entry.split(/\s+except\s+/);
  if (more.length > 0) throw new BadReference(`"${entry}" has more than one except`);
  const except = without === undefined ? [] : known(rowsOf(without), matrix);
  const [, domain] = /^domain:\s*(\S+)$/.exec(what) ?? [];
  const rows = domain === undefined ? known(rowsOf(what), matrix) : rowsOfDomain(domain, matrix);
  const stray = except.find((id) => !rows.includes(id));
  if (stray) throw new BadReference(`${stray} is excepted from what does not hold it`);
  return rows.filter((id) => !except.includes(id));
}

function rowsOfDomain(domain: string, matrix: ReadonlyMap<string, Row>): string[] {
  const rows = [...matrix.values()].filter((row) => row.domain === domain).map((row) => row.id);
  if (rows.length === 0) throw new BadReference(`there is no domain ${domain}; there are ${[...new Set([...matrix.values()].map((row) => row.domain))].join(', ')}`);
  return rows;
}

function known(ids: string[], matrix: ReadonlyMap<string, Row>): string[] {
  const stranger = ids.find((id) => !matrix.has(id));
  if (stranger) throw new BadReference(`there is no row ${stranger}`);
  return ids;
}
