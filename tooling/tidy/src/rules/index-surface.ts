import ts from 'typescript';
import { LIMITS } from '../architecture.ts';
import { isMigration } from '../repository.ts';
import type { Rule } from '../rule.ts';
import { lineOf } from '../source.ts';

/** An index.ts is the surface of its folder, name by name, so that its diff shows what became public. */
export const indexSurface: Rule = {
  name: 'index-surface',
  about: `index.ts at most ${LIMITS.indexLines} lines, each export by name`,
  *check(repository) {
    for (const file of repository.code) {
      if (!file.endsWith('/index.ts') || isMigration(file)) continue;
      const lines = repository.lines(file).length;
      if (lines > LIMITS.indexLines) yield { file, line: LIMITS.indexLines + 1, message: `${lines} lines`, accepted: `at most ${LIMITS.indexLines}: export less` };
      const source = repository.source(file);
      for (const statement of source.statements) {
        const star = ts.isExportDeclaration(statement) && (!statement.exportClause || ts.isNamespaceExport(statement.exportClause));
        if (star) yield { file, line: lineOf(source, statement), message: 'export * hides what is public', accepted: 'export { Name } from ...' };
      }
    }
  },
};
