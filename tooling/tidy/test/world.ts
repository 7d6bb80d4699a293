import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Repository } from '../src/repository.ts';
import type { Rule } from '../src/rule.ts';

/** Files of a repository by path. */
export type Files = Readonly<Record<string, string>>;

/** Does the work in a directory that holds the files and is gone afterwards. */
export function inRepository<T>(files: Files, work: (root: string) => T): T {
  const root = mkdtempSync(join(tmpdir(), 'tidy-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return work(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** What a rule finds in the files, as `file:line message`. */
export const found = (rule: Rule, files: Files): string[] =>
  inRepository(files, (root) => [...rule.check(new Repository(root))].map(({ file, line, message, warning }) => `${file}:${line} ${warning ? 'warning: ' : ''}${message}`));

/** package.json of a workspace package. */
export const manifest = (short: string, more: object = {}): string => JSON.stringify({ name: `@agent-hive/${short}`, ...more }, null, 2);

/** A text of so many lines, none of them blank. */
export const lines = (count: number, line = 'x();'): string => `${Array.from({ length: count }, () => line).join('\n')}\n`;
