import { LIMITS } from '../architecture.ts';
import { isGenerated, isTest } from '../repository.ts';
import type { Rule } from '../rule.ts';

/** A file is short enough to be read at once. */
export const fileSize: Rule = {
  name: 'file-size',
  about: `files at most ${LIMITS.fileLines} lines, entities ${LIMITS.entityLines}, controllers ${LIMITS.controllerLines}, tests ${LIMITS.testLines}; migrations and generated files are exempt`,
  *check(repository) {
    for (const file of repository.code) {
      if (isGenerated(file)) continue;
      const lines = repository.lines(file).length;
      const limit = limitOf(file);
      if (lines > limit) yield { file, line: limit + 1, message: `${lines} lines`, accepted: `at most ${limit}: a second file where a second noun begins` };
      else if (limit === LIMITS.fileLines && lines > LIMITS.fileWarnLines) {
        yield { file, line: LIMITS.fileWarnLines + 1, message: `${lines} lines`, accepted: `better at most ${LIMITS.fileWarnLines}`, warning: true };
      }
    }
  },
};

function limitOf(file: string): number {
  if (isTest(file)) return LIMITS.testLines;
  if (file.endsWith('.entity.ts')) return LIMITS.entityLines;
  if (file.endsWith('.controller.ts')) return LIMITS.controllerLines;
  return LIMITS.fileLines;
}
