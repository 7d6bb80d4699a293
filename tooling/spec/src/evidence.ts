import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMatrix, type Row } from './matrix.ts';
import { rowsInTitle } from './rows.ts';
import { titlesOf } from './titles.ts';
import { waiversOf } from './waivers.ts';

/** Where a row is proven or waived. */
export interface Place {
  file: string;
  line: number;
  text: string;
}

/** A row with what speaks for it. Proven wins over waived. */
export interface Judged extends Row {
  status: 'proven' | 'waived' | 'open';
  provenBy: Place[];
  waivedBy: Place[];
}

/** Every row judged; `errors` name rows that do not exist, `warnings` what is probably a mistake. */
export interface Evidence {
  rows: Map<string, Judged>;
  errors: string[];
  warnings: string[];
}

const TESTS = ['packages/*/test/**/*.{ts,js}', 'packages/*/src/**/*.test.{ts,js}', 'apps/*/test/**/*.{ts,js}', 'apps/*/src/**/*.test.{ts,js}', 'tooling/*/test/**/*.{ts,js}'];
const DECISIONS = 'docs/adr/[0-9]*.md';

/** Reads matrix, tests and decision records below the root. Throws when there is no matrix. */
export function gather(root: string): Evidence {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8');
  const rows = new Map<string, Judged>();
  for (const row of parseMatrix(read('spec/acceptance-matrix.md')).values()) rows.set(row.id, { ...row, status: 'open', provenBy: [], waivedBy: [] });
  const evidence: Evidence = { rows, errors: [], warnings: [] };
  for (const file of filesOf(root, TESTS)) takeTitles(evidence, file, read(file));
  for (const file of filesOf(root, [DECISIONS])) takeWaivers(evidence, file, read(file));
  for (const row of rows.values()) {
    row.status = row.provenBy.length > 0 ? 'proven' : row.waivedBy.length > 0 ? 'waived' : 'open';
    if (row.provenBy[0] && row.waivedBy[0]) evidence.warnings.push(`${row.id} is waived in ${at(row.waivedBy[0])} and proven in ${at(row.provenBy[0])}: take it out of one`);
  }
  return evidence;
}

/** `file:line` of a place. */
export const at = ({ file, line }: Pick<Place, 'file' | 'line'>): string => `${file}:${line}`;

const filesOf = (root: string, patterns: string[]): string[] =>
  globSync(patterns, { cwd: root, exclude: (name) => name === 'node_modules' || name === 'dist' })
    .map((file) => file.replaceAll('\\', '/'))
    .sort();

function takeTitles(evidence: Evidence, file: string, text: string): void {
  const { titles, unknown } = titlesOf(file, text);
  for (const line of unknown) evidence.warnings.push(`${at({ file, line })}: a title with rows, in a call that is not known as a test: it proves nothing`);
  for (const title of titles) {
    const place = { file, line: title.line, text: title.text };
    const named = attempt(evidence, place, () => rowsInTitle(title.text));
    for (const row of existing(evidence, named, place)) if (title.runs && !row.provenBy.includes(place)) row.provenBy.push(place);
  }
}

function takeWaivers(evidence: Evidence, file: string, text: string): void {
  const title = /^#\s+(.+)$/m.exec(text)?.[1] ?? file;
  const waivers = waiversOf(text, (line, error) => void attempt(evidence, { file, line }, () => { throw error; }));
  for (const { rows, line } of waivers) {
    const place = { file, line, text: title };
    for (const row of existing(evidence, rows, place)) row.waivedBy.push(place);
  }
}

function attempt(evidence: Evidence, place: Pick<Place, 'file' | 'line'>, work: () => string[]): string[] {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    evidence.errors.push(`${at(place)}: ${error.message}`);
    return [];
  }
}

function existing({ rows, errors }: Evidence, ids: readonly string[], place: Place): Judged[] {
  return ids.flatMap((id) => {
    const row = rows.get(id);
    if (!row) errors.push(`${at(place)}: there is no row ${id} in the matrix`);
    return row ? [row] : [];
  });
}
