import { headings } from '../markdown.ts';
import type { Rule } from '../rule.ts';

const HEADINGS = ['Owns', 'Exports', 'Imports', 'Tables and invariants', 'Not here'];

/** A package's README answers the same questions everywhere. */
export const packageReadme: Rule = {
  name: 'package-readme',
  about: `each package has a README.md with the headings ${HEADINGS.join(', ')}`,
  *check(repository) {
    for (const { dir } of repository.packages.filter((pkg) => pkg.kind === 'packages')) {
      const file = `${dir}/README.md`;
      if (!repository.files.includes(file)) {
        yield { file, line: 1, message: 'there is no such file', accepted: `one with the headings ${HEADINGS.join(', ')}` };
        continue;
      }
      const present = headings(repository.text(file)).map((heading) => heading.text);
      const missing = HEADINGS.filter((heading) => !present.includes(heading));
      if (missing.length > 0) yield { file, line: 1, message: `no heading ${missing.join(', ')}`, accepted: `the headings ${HEADINGS.join(', ')}, in these words` };
    }
  },
};
