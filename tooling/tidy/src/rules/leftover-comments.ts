import type { Repository } from '../repository.ts';
import type { Breach, Rule } from '../rule.ts';
import { comments } from '../source.ts';

/** A name in backticks is a mention, not a mark. */
const MARKS = [
  { pattern: /(?<![`\w])FIXME\b/, message: 'FIXME', accepted: 'the repair' },
  { pattern: /(?<![`\w])TODO\b(?!\([^)]{4,}\):? \S)/, message: 'TODO without a reason', accepted: 'TODO(why it waits): what is to do' },
  { pattern: /(?<!`)@ts-ignore\b/, message: '@ts-ignore', accepted: '@ts-expect-error with the reason, or a type that fits' },
  { pattern: /(?<!`)@ts-nocheck\b/, message: '@ts-nocheck', accepted: 'types that fit' },
] as const;

const SCRIPTS = /(?:\.(?:sh|sql|ya?ml|toml)|(?:^|\/)(?:Dockerfile|run))$/;

/** Comments of a day are gone before the change is taken. */
export const leftoverComments: Rule = {
  name: 'leftover-comments',
  about: 'no comment that says repair me, no TODO without a reason, no @ts-ignore, no @ts-nocheck',
  *check(repository) {
    for (const file of repository.code) {
      for (const { text, line } of comments(repository.source(file))) for (const [i, part] of text.split('\n').entries()) yield* marks(file, line + i, part);
    }
    for (const file of repository.files.filter((path) => SCRIPTS.test(path) && !path.endsWith('pnpm-lock.yaml'))) yield* inScript(repository, file);
  },
};

function* inScript(repository: Repository, file: string): Iterable<Breach> {
  for (const [i, text] of repository.lines(file).entries()) {
    const [comment] = /(?:#|--).*$/.exec(text) ?? [];
    if (comment) yield* marks(file, i + 1, comment);
  }
}

function* marks(file: string, line: number, text: string): Iterable<Breach> {
  for (const { pattern, message, accepted } of MARKS) if (pattern.test(text)) yield { file, line, message, accepted };
}
