import ts from 'typescript';
import { LIMITS } from '../architecture.ts';
import { isGenerated, isTest } from '../repository.ts';
import type { Rule } from '../rule.ts';
import { findAll, lineOf } from '../source.ts';

/** A function is short enough to be held in the head. */
export const functionSize: Rule = {
  name: 'function-size',
  about: `functions at most ${LIMITS.functionLines} lines; migrations and tests are exempt`,
  *check(repository) {
    for (const file of repository.code) {
      if (isGenerated(file) || isTest(file)) continue;
      const source = repository.source(file);
      for (const node of findAll(source, ts.isFunctionLike)) {
        if (!('body' in node) || !node.body) continue;
        const line = lineOf(source, node);
        const lines = lineOf(source, node.getEnd()) - line + 1;
        if (lines > LIMITS.functionLines) yield { file, line, message: `${nameOf(node)} has ${lines} lines`, accepted: `at most ${LIMITS.functionLines}: name a part of it` };
      }
    }
  },
};

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name) return node.name.getText();
  const { parent } = node;
  return ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) ? parent.name.getText() : 'a function';
}
