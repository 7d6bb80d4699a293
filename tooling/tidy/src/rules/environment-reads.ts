import ts from 'typescript';
import { isTest, isTestingEntry } from '../repository.ts';
import type { Rule } from '../rule.ts';
import { findAll, lineOf, literalText } from '../source.ts';
import { isConfiguration } from './documented-configuration.ts';

/** The environment is read once, where the keys are declared and checked; a key read elsewhere has no default, no check and no page. */
export const environmentReads: Rule = {
  name: 'environment-reads',
  about: 'process.env is read only in the declaration of the configuration, in apps/cli/src/main.ts, in tooling and in tests',
  *check(repository) {
    for (const file of repository.code) {
      const inSource = /^(?:packages|apps)\/[^/]+\/src\//.test(file);
      if (!inSource || isTest(file) || isTestingEntry(file) || isConfiguration(file) || file === 'apps/cli/src/main.ts') continue;
      const source = repository.source(file);
      for (const node of findAll(source, readsEnvironment)) {
        yield { file, line: lineOf(source, node), message: 'process.env is read here', accepted: 'a key of the configuration, handed in' };
      }
    }
  },
};

const isProcess = (node: ts.Expression | undefined): boolean => node !== undefined && ['process', 'globalThis.process'].includes(node.getText());

function readsEnvironment(node: ts.Node): node is ts.Node {
  if (ts.isPropertyAccessExpression(node)) return node.name.text === 'env' && isProcess(node.expression);
  if (ts.isElementAccessExpression(node)) return literalText(node.argumentExpression) === 'env' && isProcess(node.expression);
  if (!ts.isImportSpecifier(node) && !ts.isBindingElement(node)) return false;
  const isEnv = (node.propertyName ?? node.name).getText() === 'env';
  if (ts.isBindingElement(node)) return isEnv && ts.isVariableDeclaration(node.parent.parent) && isProcess(node.parent.parent.initializer);
  return isEnv && /^(?:node:)?process$/.test(literalText(node.parent.parent.parent.moduleSpecifier) ?? '');
}
