import type { Rule } from '../rule.ts';
import { lineOf, moduleSpecifiers } from '../source.ts';

/** An entity holds columns and verbs, and runs without a server around it. */
export const entitiesKnowNoNest: Rule = {
  name: 'entities-know-no-nest',
  about: 'no @nestjs import in *.entity.ts',
  *check(repository) {
    for (const file of repository.code.filter((path) => path.endsWith('.entity.ts'))) {
      const source = repository.source(file);
      for (const { specifier, node } of moduleSpecifiers(source)) {
        if (specifier.startsWith('@nestjs/')) yield { file, line: lineOf(source, node), message: `an entity imports ${specifier}`, accepted: 'the ORM, the kernel and other entities; throw errors of the kernel' };
      }
    }
  },
};
