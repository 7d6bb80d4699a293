import { SINGLE_COPIES } from '../architecture.ts';
import type { Rule } from '../rule.ts';

const LOCKFILE = 'pnpm-lock.yaml';
const ENTRY = /^ {2}'?((?:@[^/@]+\/)?[^@/'(]+)@([^':]+(?:\([^']*\))?)'?:/;

/** One copy of what injection, validation and metadata hang on. Two sets of peers make two copies of one version. */
export const singleCopies: Rule = {
  name: 'single-copies',
  about: `one copy in the lockfile of ${SINGLE_COPIES.join(', ')}`,
  *check(repository) {
    if (!repository.files.includes(LOCKFILE)) return;
    const copies = new Map<string, { copy: string; line: number }[]>();
    let section = '';
    for (const [i, text] of repository.lines(LOCKFILE).entries()) {
      section = /^([a-z]+):/i.exec(text)?.[1] ?? section;
      const [, name, copy] = ENTRY.exec(text) ?? [];
      if (section !== 'snapshots' || !name || !copy || !(SINGLE_COPIES as readonly string[]).includes(name)) continue;
      copies.set(name, [...(copies.get(name) ?? []), { copy, line: i + 1 }]);
    }
    for (const [name, [first, ...others]] of copies) {
      for (const { copy, line } of others) yield { file: LOCKFILE, line, message: `${name} ${copy} beside ${first!.copy}`, accepted: 'one copy: "catalog:" in every package.json, and the same peers beside it' };
    }
  },
};
