import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A matrix of six rows in two domains. */
export const MATRIX = `# Acceptance matrix

| id | domain | kind | item (exact names) |
|---|---|---|---|
| S1.1 | agents | entity | agents |
| S1.2 | agents | column | name |
| S1.3 | tasks | column | status: a \\| b |

| S2.1 | agents | policy | one |
| S2.2 | agents | policy | two |
| S2.3 | tasks | number | < 100 ms |
`;

/** What a run printed, and how it ended. */
export interface Run {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the tool over a directory that holds the files, the matrix among them unless they say otherwise. */
export function spec(files: Readonly<Record<string, string>>, ...args: string[]): Run {
  const root = mkdtempSync(join(tmpdir(), 'spec-'));
  try {
    for (const [path, text] of Object.entries({ 'spec/acceptance-matrix.md': MATRIX, ...files })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const run = spawnSync(process.execPath, [join(import.meta.dirname, '../src/main.ts'), '--root', root, ...args], { encoding: 'utf8' });
    return { code: run.status, out: run.stdout, err: run.stderr };
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** The status of each row, as the tool sees the files. */
export function statuses(files: Readonly<Record<string, string>>): Record<string, string> {
  const { rows } = JSON.parse(spec(files, '--json').out) as { rows: { id: string; status: string }[] };
  return Object.fromEntries(rows.filter((row) => row.status !== 'open').map((row) => [row.id, row.status]));
}
