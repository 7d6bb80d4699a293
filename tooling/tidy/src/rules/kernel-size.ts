import ts from 'typescript';
import { LIMITS } from '../architecture.ts';
import { isGenerated, isTest, isTestingEntry } from '../repository.ts';
import type { Rule } from '../rule.ts';
import { lineOf } from '../source.ts';

/** The kernel stays small: what only some domains need is theirs. */
export const kernelSize: Rule = {
  name: 'kernel-size',
  about: `the kernel has at most ${LIMITS.kernelSourceLines} lines of source, without its testing entry point, migrations, blank lines and comments`,
  *check(repository) {
    const files = repository.code.filter((file) => file.startsWith('packages/kernel/src/') && !isTest(file) && !isTestingEntry(file) && !isGenerated(file));
    const lines = files.reduce((sum, file) => sum + linesOfCode(repository.source(file)), 0);
    if (lines > LIMITS.kernelSourceLines) {
      yield { file: 'packages/kernel/package.json', line: 1, message: `the kernel has ${lines} lines of source`, accepted: `at most ${LIMITS.kernelSourceLines}: move what not every domain needs` };
    }
  },
};

/** Lines on which a token stands. A template of several lines counts whole. */
function linesOfCode(source: ts.SourceFile): number {
  const lines = new Set<number>();
  const visit = (node: ts.Node): void => {
    if (ts.isJSDoc(node) || node.kind === ts.SyntaxKind.EndOfFileToken) return;
    const children = node.getChildren(source);
    for (const child of children) visit(child);
    if (children.length > 0 || node.getEnd() === node.getStart(source)) return;
    for (let line = lineOf(source, node); line <= lineOf(source, node.getEnd()); line++) lines.add(line);
  };
  visit(source);
  return lines.size;
}
