import ts from 'typescript';
import type { Rule } from '../rule.ts';
import { findAll, isExplained, lineOf } from '../source.ts';

/** A failure is loud: who catches an error uses it, throws, or says why neither is needed. */
export const swallowedErrors: Rule = {
  name: 'swallowed-errors',
  about: 'no catch that neither uses the error nor throws, unless a comment says why',
  *check(repository) {
    for (const file of repository.code) {
      const source = repository.source(file);
      for (const clause of findAll(source, ts.isCatchClause)) {
        if (usesOrThrows(clause.variableDeclaration?.name, clause.block) || isExplained(source, clause)) continue;
        const message = clause.block.statements.length === 0 ? 'empty catch' : 'the error is neither used nor thrown';
        yield { file, line: lineOf(source, clause), message, accepted: 'use it as cause or in a message, throw, or a comment that says why it may go' };
      }
      for (const call of findAll(source, ts.isCallExpression)) {
        const handler = rejectionHandler(call);
        if (!handler || usesOrThrows(handler.parameters[0]?.name, handler.body) || isExplained(source, handler)) continue;
        yield { file, line: lineOf(source, handler), message: 'the rejection is neither used nor thrown', accepted: 'use it, throw, or a comment that says why it may go' };
      }
    }
  },
};

/** The function in `promise.catch(function)`. */
function rejectionHandler(call: ts.CallExpression): ts.ArrowFunction | ts.FunctionExpression | null {
  const [handler] = call.arguments;
  if (!ts.isPropertyAccessExpression(call.expression) || call.expression.name.text !== 'catch' || !handler) return null;
  return ts.isArrowFunction(handler) || ts.isFunctionExpression(handler) ? handler : null;
}

function usesOrThrows(name: ts.BindingName | undefined, body: ts.Node): boolean {
  if (findAll(body, ts.isThrowStatement).length > 0) return true;
  if (!name) return false;
  if (!ts.isIdentifier(name)) return true;
  return findAll(body, ts.isIdentifier).some((identifier) => identifier.text === name.text);
}
