import { KERNEL_SUFFIXES, SUFFIXES } from '../architecture.ts';
import { isMigration, isTestingEntry, type Repository } from '../repository.ts';
import type { Rule } from '../rule.ts';
import { moduleSpecifiers } from '../source.ts';

const NOUN = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const BY_SUFFIX = /^(.+)\.([a-z]+)\.ts$/;
/** What a file without suffix may not touch: with one of these it is a service, an SQL file, or a part of HTTP. */
const FRAMEWORKS = /^(?:@nestjs\/|@mikro-orm\/|kysely$|pg$|fastify$)/;

/** A file of a package tells by its name what is in it. */
export const fileSuffixes: Rule = {
  name: 'file-suffixes',
  about: 'files in a package are named noun.suffix.ts from a short list; a plain noun is for the kernel and for pure functions',
  *check(repository) {
    for (const file of repository.files) {
      const [, short, base] = /^packages\/([^/]+)\/src\/(?:.*\/)?([^/]+)$/.exec(file) ?? [];
      if (!short || !base || isMigration(file) || isTestingEntry(file)) continue;
      const suffixes: readonly string[] = short === 'kernel' ? KERNEL_SUFFIXES : SUFFIXES;
      if (isNamed(base, suffixes) || isPlainNoun(repository, file, short)) continue;
      yield {
        file,
        line: 1,
        message: `${base} says not what is in it`,
        accepted: `index.ts, orm.ts, migrations/, noun.{${suffixes.join(',')}}.ts, or noun.ts for functions that import no framework`,
      };
    }
  },
};

function isNamed(base: string, suffixes: readonly string[]): boolean {
  if (base === 'index.ts' || base === 'orm.ts') return true;
  const [, stem, suffix] = BY_SUFFIX.exec(base) ?? [];
  return stem !== undefined && NOUN.test(stem) && suffixes.includes(suffix!);
}

function isPlainNoun(repository: Repository, file: string, short: string): boolean {
  const [, stem] = /\/([^/.]+)\.ts$/.exec(file) ?? [];
  if (stem === undefined || !NOUN.test(stem)) return false;
  return short === 'kernel' || moduleSpecifiers(repository.source(file)).every(({ specifier }) => !FRAMEWORKS.test(specifier));
}
