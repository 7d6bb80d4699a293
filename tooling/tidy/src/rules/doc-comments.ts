import ts from 'typescript';
import { isGenerated, isSource } from '../repository.ts';
import type { Rule } from '../rule.ts';
import { decorators, findAll, isExported, lineOf } from '../source.ts';

type Declared = { name: string; node: ts.Node; declaration: ts.Node };

/** Classes that only wire: a comment on them could but repeat their name. What a controller does is said at its routes. */
const WIRING = ['Module', 'Controller'];
const ROUTES = ['Get', 'Post', 'Put', 'Patch', 'Delete', 'Head', 'Options', 'All', 'Sse'];

/** What others use is explained where it is declared. */
export const docComments: Rule = {
  name: 'doc-comments',
  about: 'exported classes, functions and constants of a package and all routes have a doc comment; an entity and its schema share one, modules and controllers need none',
  *check(repository) {
    for (const file of repository.code) {
      if (!file.startsWith('packages/') || !isSource(file) || isGenerated(file)) continue;
      const source = repository.source(file);
      const declared = source.statements.flatMap(declarations);
      const reExported = new Set(source.statements.flatMap(localExports));
      const documented = new Set(declared.filter(({ node }) => hasDoc(node)).map(({ name }) => name));
      const reported = new Set<string>();
      for (const { name, node, declaration } of declared) {
        const isPublic = isExported(node) || reExported.has(name);
        const needsNone = decorators(node).some((decorator) => WIRING.includes(decorator));
        if (!isPublic || needsNone || documented.has(name) || reported.has(name) || documented.has(otherHalf(name, declared))) continue;
        reported.add(name);
        yield { file, line: lineOf(source, declaration), message: `${name} has no doc comment`, accepted: '/** What it is for; shapes, units, errors thrown. */' };
      }
      for (const route of findAll(source, isRoute)) {
        if (!hasDoc(route)) yield { file, line: lineOf(source, route.name), message: `route ${route.name.getText()} has no doc comment`, accepted: '/** One sentence: the summary in the API document. */' };
      }
    }
  },
};

/** Classes, functions and constants of one statement. `node` is where the comment and `export` stand. */
function declarations(statement: ts.Statement): Declared[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map((declaration) => ({ name: declaration.name.getText(), node: statement, declaration }));
  }
  if (ts.isClassDeclaration(statement) || ts.isFunctionDeclaration(statement)) {
    return [{ name: statement.name?.text ?? 'default', node: statement, declaration: statement }];
  }
  return [];
}

const localExports = (statement: ts.Statement): string[] =>
  ts.isExportDeclaration(statement) && !statement.moduleSpecifier && statement.exportClause && ts.isNamedExports(statement.exportClause)
    ? statement.exportClause.elements.map((element) => (element.propertyName ?? element.name).text)
    : [];

const isRoute = (node: ts.Node): node is ts.MethodDeclaration => ts.isMethodDeclaration(node) && decorators(node).some((decorator) => ROUTES.includes(decorator));

const hasDoc = (node: ts.Node): boolean => ts.getJSDocCommentsAndTags(node).length > 0;

/** `class Task extends TaskSchema.class` and `TaskSchema` are one thing in two declarations: the name of the other. */
function otherHalf(name: string, declared: readonly Declared[]): string {
  const base = (node: ts.Node): string => (ts.isClassDeclaration(node) ? (node.heritageClauses?.[0]?.types[0]?.expression.getText() ?? '') : '');
  const own = declared.find((one) => one.name === name);
  const schema = /^(\w+)\.class$/.exec(own ? base(own.node) : '')?.[1];
  return schema ?? declared.find((one) => base(one.node) === `${name}.class`)?.name ?? '';
}
