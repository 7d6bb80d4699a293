import { refusal } from '../architecture.ts';
import type { Rule } from '../rule.ts';

/** package.json of each package names only what the arrows allow it. */
export const declaredEdges: Rule = {
  name: 'declared-edges',
  about: 'package.json depends along the arrows only',
  *check(repository) {
    for (const pkg of repository.packages) {
      const file = `${pkg.dir}/package.json`;
      const { dependencies, devDependencies, peerDependencies, optionalDependencies } = pkg.manifest;
      const declared = [
        ...Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }).map((name) => ({ name, dev: false })),
        ...Object.keys(devDependencies ?? {}).map((name) => ({ name, dev: true })),
      ];
      for (const { name, dev } of declared) {
        const target = repository.packageNamed(name);
        const refused = target && refusal(pkg, target, dev);
        const line = repository.lines(file).findIndex((text) => text.includes(`"${name}"`)) + 1;
        if (refused) yield { file, line, message: refused.reason, accepted: refused.accepted };
      }
    }
  },
};
