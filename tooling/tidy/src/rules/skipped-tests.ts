import ts from 'typescript';
import { isTest } from '../repository.ts';
import type { Breach, Rule } from '../rule.ts';
import { chain, findAll, isExplained, lineOf } from '../source.ts';

const TEST_CALLS = ['it', 'test', 'describe', 'suite'];
const ACCEPTED = "it.skip('does this (why it is not run)', ...)";

/** A test that is not run says why, in its title in parentheses. */
export const skippedTests: Rule = {
  name: 'skipped-tests',
  about: 'a skipped test gives its reason in parentheses in the title',
  *check(repository) {
    for (const file of repository.code.filter(isTest)) {
      const source = repository.source(file);
      for (const node of findAll(source, ts.isPropertyAccessExpression)) {
        const [name, ...receiver] = chain(node);
        if (name === 'skip' && receiver.some((part) => TEST_CALLS.includes(part))) yield* judge(file, source, node);
      }
      for (const { expression, arguments: [title] } of findAll(source, ts.isCallExpression)) {
        const skips = ts.isIdentifier(expression) && ['xit', 'xtest', 'xdescribe'].includes(expression.text);
        if (skips && !givesReason(title)) yield { file, line: lineOf(source, expression), message: `${expression.text} without a reason`, accepted: ACCEPTED };
      }
    }
  },
};

function* judge(file: string, source: ts.SourceFile, skip: ts.PropertyAccessExpression): Iterable<Breach> {
  const line = lineOf(source, skip);
  const call = callOf(skip);
  if (call ? givesReason(call.arguments[0]) : isExplained(source, skip) || usesGiveReasons(source, skip)) return;
  yield { file, line, message: `${skip.getText()} without a reason`, accepted: call ? ACCEPTED : 'the reason in parentheses in the titles, or in a comment where the skip is kept' };
}

/** Whether a skip is kept in a variable, and every call of that variable has its reason. */
function usesGiveReasons(source: ts.SourceFile, skip: ts.Node): boolean {
  const kept = ts.findAncestor(skip, ts.isVariableDeclaration);
  const calls = findAll(source, ts.isCallExpression).filter((call) => kept !== undefined && call.expression.getText() === kept.name.getText());
  return calls.length > 0 && calls.every((call) => givesReason(call.arguments[0]));
}

/** The call that a skip is called by, through `.each(...)` and `(condition ? it : it.skip)`; null when it is kept in a variable. */
function callOf(skip: ts.Expression): ts.CallExpression | null {
  let node: ts.Node = skip;
  let call: ts.CallExpression | null = null;
  for (;;) {
    const { parent }: { parent: ts.Node } = node;
    const isCallee = (ts.isCallExpression(parent) && parent.expression === node) || (ts.isTaggedTemplateExpression(parent) && parent.tag === node);
    if (!isCallee && !ts.isParenthesizedExpression(parent) && !ts.isConditionalExpression(parent) && !ts.isPropertyAccessExpression(parent)) return call;
    if (isCallee && ts.isCallExpression(parent)) call = parent;
    node = parent;
  }
}

const givesReason = (title: ts.Expression | undefined): boolean => title !== undefined && /\([^)]{3,}\)/.test(title.getText());
