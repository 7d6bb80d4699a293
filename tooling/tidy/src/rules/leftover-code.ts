import ts from 'typescript';
import type { Rule } from '../rule.ts';
import { chain, findAll, lineOf } from '../source.ts';

const TEST_CALLS = ['it', 'test', 'describe', 'suite'];
/** A command line speaks by printing; a server logs. */
const PRINTERS = /^(?:apps\/cli|tooling|\.ci)\//;

/** Code of a day is gone before the change is taken. */
export const leftoverCode: Rule = {
  name: 'leftover-code',
  about: 'no `.only`, no `as any`, no console outside apps/cli and tooling',
  *check(repository) {
    for (const file of repository.code) {
      const source = repository.source(file);
      for (const node of findAll(source, ts.isPropertyAccessExpression)) {
        const [name, ...receiver] = chain(node);
        if (name === 'only' && receiver.some((part) => TEST_CALLS.includes(part))) yield { file, line: lineOf(source, node.name), message: `${node.getText()} leaves the other tests out`, accepted: 'without .only' };
        if (receiver[0] === 'console' && receiver.length === 1 && !PRINTERS.test(file)) yield { file, line: lineOf(source, node), message: `console.${name}`, accepted: 'the logger, or an error that is thrown' };
      }
      for (const { expression } of findAll(source, ts.isCallExpression)) {
        if (ts.isIdentifier(expression) && ['fit', 'fdescribe'].includes(expression.text)) yield { file, line: lineOf(source, expression), message: `${expression.text} leaves the other tests out`, accepted: 'it or describe' };
      }
      for (const node of findAll(source, (inner) => ts.isAsExpression(inner) || ts.isTypeAssertionExpression(inner))) {
        if (node.type.kind === ts.SyntaxKind.AnyKeyword) yield { file, line: lineOf(source, node.type), message: 'as any', accepted: 'a type that fits, or unknown and a check' };
      }
    }
  },
};
