import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gather, type Evidence, type Judged } from './evidence.ts';
import { countByDomain, described, listed, openRows, table } from './report.ts';
import { requiredRows } from './requirement.ts';
import { BadReference } from './rows.ts';

const USAGE = `spec: which rows of spec/acceptance-matrix.md are proven by a test, waived by a decision record, or open

  pnpm spec                      a table per domain, and which rows nothing has closed yet
  pnpm spec --domain agents      the rows of a domain, too
  pnpm spec --open               the open rows, too (of the domain, when one is given)
  pnpm spec --json               the same as JSON
  pnpm spec --row S1.42          one row, and where it is proven
  pnpm spec --require FILE       exit code 1 when a row of the file is neither proven nor waived

A test proves the rows that its title names: it('refuses a second claim [S1.60, S3.40-S3.47]', ...). A decision record
docs/adr/NNNN-title.md waives rows by a line \`Waives: S4.84, S4.151\`. Exit code 1 when either names a row that is not there.`;

interface Options {
  domain?: string;
  open?: boolean;
  json?: boolean;
  row?: string;
  require?: string;
}

/** Prints what was asked for, then what is wrong; returns the exit code. */
function report(root: string, options: Options): number {
  const evidence = gather(root);
  if (options.row !== undefined) return printRow(evidence, options.row);
  const all = [...evidence.rows.values()];
  const counts = countByDomain(all);
  if (options.domain !== undefined && !counts.domains.some((count) => count.domain === options.domain)) {
    return fail(`there is no domain ${options.domain}; there are ${counts.domains.map((count) => count.domain).join(', ')}`);
  }
  const chosen = all.filter((row) => (options.domain === undefined || row.domain === options.domain) && (!options.open || row.status === 'open'));
  if (options.json) console.log(JSON.stringify({ ...counts, rows: chosen, warnings: evidence.warnings, errors: evidence.errors }, null, 2));
  else {
    for (const line of table(counts)) console.log(line);
    if (options.domain !== undefined || options.open) for (const line of ['', ...chosen.map(listed)]) console.log(line);
    else for (const line of openRows(all)) console.log(line);
  }
  for (const warning of evidence.warnings) console.error(`warning: ${warning}`);
  for (const error of evidence.errors) console.error(`error: ${error}`);
  const required = options.require === undefined ? 0 : requireRows(root, options.require, evidence);
  return evidence.errors.length > 0 ? 1 : required;
}

function printRow({ rows }: Evidence, id: string): number {
  const row = rows.get(id);
  if (!row) return fail(`there is no row ${id} in the matrix`);
  for (const line of described(row)) console.log(line);
  return 0;
}

function requireRows(root: string, file: string, { rows }: Evidence): number {
  const path = resolve(root, file);
  if (!existsSync(path)) return fail(`there is no ${file}: it lists the rows that stay closed, such as S1.42, S3.40-S3.47 or domain:agents except S4.22-S4.31, one entry a line`);
  try {
    const required = requiredRows(readFileSync(path, 'utf8'), rows).map(({ id, line }) => ({ line, row: rows.get(id)! }));
    const open = required.filter(({ row }) => row.status === 'open');
    for (const { line, row } of open) console.error(`error: ${file}:${line}: ${reopened(row)}`);
    if (open.length === 0) console.error(`spec: all ${required.length} rows of ${file} are proven or waived`);
    return open.length > 0 ? 1 : 0;
  } catch (error) {
    if (error instanceof BadReference) return fail(`${file} ${error.message}`);
    throw error;
  }
}

const reopened = ({ id, item }: Judged): string => `${id} is open (a test whose title has [${id}], or a decision record with the line "Waives: ${id}"): ${item}`;

function fail(message: string): number {
  console.error(`error: ${message}`);
  return 1;
}

const { values } = parseArgs({
  options: {
    root: { type: 'string' }, domain: { type: 'string' }, open: { type: 'boolean' }, json: { type: 'boolean' },
    row: { type: 'string' }, require: { type: 'string' }, help: { type: 'boolean' },
  },
});
if (values.help) console.log(USAGE);
else process.exitCode = report(resolve(values.root ?? `${import.meta.dirname}/../../..`), values);
