import ts from 'typescript';
import type { Rule } from '../rule.ts';
import { decorators, findAll, lineOf } from '../source.ts';

/** Decorators of a parameter whose class the validation pipe must know. */
const BOUND = ['Body', 'Query', 'Param', 'Headers'];

/** What Nest looks up by class at run time is imported as a value: `import type` erases it, and injection fails or validation is skipped. */
export const erasedInjection: Rule = {
  name: 'erased-injection',
  about: 'no `import type` of what a constructor is injected with, or of a @Body() or @Query() class',
  *check(repository) {
    for (const file of repository.code.filter((path) => path.endsWith('.ts'))) {
      const source = repository.source(file);
      const erased = typeOnlyNames(source);
      if (erased.size === 0) continue;
      for (const parameter of findAll(source, ts.isParameter)) {
        const name = referenced(parameter.type);
        if (name === null || !erased.has(name) || !needsClass(parameter)) continue;
        yield { file, line: lineOf(source, parameter), message: `${name} is needed at run time and imported as a type`, accepted: `import { ${name} } without \`type\`, or @Inject(TOKEN)` };
      }
    }
  },
};

function needsClass(parameter: ts.ParameterDeclaration): boolean {
  const own = decorators(parameter);
  if (own.some((name) => BOUND.includes(name))) return true;
  const method = parameter.parent;
  return ts.isConstructorDeclaration(method) && decorators(method.parent).length > 0 && !own.includes('Inject');
}

function referenced(type: ts.TypeNode | undefined): string | null {
  if (!type || !ts.isTypeReferenceNode(type)) return null;
  let name = type.typeName;
  while (ts.isQualifiedName(name)) name = name.left;
  return name.text;
}

function typeOnlyNames(source: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  for (const { importClause } of source.statements.filter(ts.isImportDeclaration)) {
    if (!importClause) continue;
    const isTypeOnly = importClause.phaseModifier === ts.SyntaxKind.TypeKeyword;
    const { name, namedBindings } = importClause;
    if (isTypeOnly && name) names.add(name.text);
    if (namedBindings && ts.isNamespaceImport(namedBindings) && isTypeOnly) names.add(namedBindings.name.text);
    if (namedBindings && ts.isNamedImports(namedBindings)) for (const element of namedBindings.elements) if (isTypeOnly || element.isTypeOnly) names.add(element.name.text);
  }
  return names;
}
