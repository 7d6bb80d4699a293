import { LIMITS } from '../architecture.ts';
import type { Rule } from '../rule.ts';

/** A README is an introduction; what is longer is a page of docs/. */
export const readmeSize: Rule = {
  name: 'readme-size',
  about: `a package's README at most ${LIMITS.packageReadmeLines} lines, the root's ${LIMITS.rootReadmeLines}`,
  *check(repository) {
    for (const file of repository.files) {
      const limit = file === 'README.md' ? LIMITS.rootReadmeLines : /^(?:packages|apps|tooling)\/[^/]+\/README\.md$/.test(file) ? LIMITS.packageReadmeLines : Infinity;
      const lines = limit === Infinity ? 0 : repository.lines(file).length;
      if (lines > limit) yield { file, line: limit + 1, message: `${lines} lines`, accepted: `at most ${limit}: the rest is a page of docs/` };
    }
  },
};
