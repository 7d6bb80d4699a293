import { posix } from 'node:path';
import { anchorsOf, prose } from '../markdown.ts';
import type { Repository } from '../repository.ts';
import type { Breach, Rule } from '../rule.ts';

/** Documents that people read here; what spec/ quotes from elsewhere has brackets of its own. */
const DOCUMENT = /^(?:[^/]+|docs\/.*|(?:packages|apps|tooling)\/[^/]+\/README)\.md$/;

const LINK = /!?\[(?:[^\]\\]|\\.)*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g;
const REFERENCE = /^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?/g;

/** A link in a document leads somewhere: to a file, and in it to the heading or the line that it names. */
export const internalLinks: Rule = {
  name: 'internal-links',
  about: 'links in documents lead to files and headings that exist',
  *check(repository) {
    for (const file of repository.files.filter((path) => DOCUMENT.test(path))) {
      for (const { text, line } of prose(repository.text(file))) {
        for (const [, target] of [...text.matchAll(LINK), ...text.matchAll(REFERENCE)]) yield* judge(repository, file, line, target!);
      }
    }
  },
};

function* judge(repository: Repository, file: string, line: number, link: string): Iterable<Breach> {
  if (/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(link)) return;
  const [path = '', anchor] = decodeURIComponent(link).split('#');
  const target = path === '' ? file : posix.normalize(path.startsWith('/') ? path.slice(1) : posix.join(posix.dirname(file), path));
  if (target.startsWith('..') || !repository.exists(target)) {
    yield { file, line, message: `${link} leads nowhere`, accepted: 'the path of a file in this repository, relative to this one' };
    return;
  }
  if (!anchor || !repository.files.includes(target)) return;
  const [, lineNumber] = /^L(\d+)/.exec(anchor) ?? [];
  const found = lineNumber ? Number(lineNumber) <= repository.lines(target).length : !target.endsWith('.md') || anchorsOf(repository.text(target)).has(anchor);
  if (!found) yield { file, line, message: `${link}: ${target} has no such heading`, accepted: 'the heading in lower case with dashes' };
}
