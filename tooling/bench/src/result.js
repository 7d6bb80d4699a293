import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

const ROOT = new URL('../../../', import.meta.url).pathname;

/** The middle of the values; of an even number, the mean of the two in the middle. */
export function median(values) {
  if (values.length === 0) throw new Error('no values, no median');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value below which a share of the values lies, 0 to 1, by nearest rank. */
export function quantile(values, share) {
  if (values.length === 0) throw new Error('no values, no quantile');
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** Lines of a table, columns as wide as their widest cell, numbers to the right. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows.map((row) => row.map((cell, i) => (typeof cell === 'number' || /^[\d.]+$/.test(cell) ? String(cell).padStart(widths[i]) : String(cell).padEnd(widths[i]))).join('  ').trimEnd());
}

/** What the figures were taken on: without it they say nothing. */
export const machine = () => ({
  processors: cpus().length,
  model: cpus()[0]?.model.trim() ?? 'unknown',
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim(),
});

/** Writes bench/results/NAME-DATE.json and returns its path within the repository. */
export function saveResult(name, result) {
  const folder = join(ROOT, 'bench/results');
  mkdirSync(folder, { recursive: true });
  const date = new Date().toISOString();
  const file = `${name}-${date.slice(0, 16).replace(':', '')}.json`;
  writeFileSync(join(folder, file), JSON.stringify({ bench: name, date, machine: machine(), ...result }, null, 2) + '\n');
  return `bench/results/${file}`;
}
