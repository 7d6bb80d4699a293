import ts from 'typescript';

/** Calls `visit` on the node and on everything inside it, in the order of the text. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** Everything inside the node of one kind. */
export function findAll<T extends ts.Node>(node: ts.Node, is: (node: ts.Node) => node is T): T[] {
  const found: T[] = [];
  walk(node, (inner) => {
    if (is(inner)) found.push(inner);
  });
  return found;
}

/** Line of a position, or of where a node begins behind its comments; the first line is 1. */
export function lineOf(source: ts.SourceFile, at: ts.Node | number): number {
  return source.getLineAndCharacterOfPosition(typeof at === 'number' ? at : at.getStart(source)).line + 1;
}

/** A comment with its delimiters, and the line on which it begins. */
export interface Comment {
  text: string;
  line: number;
  endLine: number;
}

const commentsOf = new WeakMap<ts.SourceFile, Comment[]>();

/** Every comment of a file. Text inside strings and templates that looks like one is none, which is why tokens are asked. */
export function comments(source: ts.SourceFile): Comment[] {
  let found = commentsOf.get(source);
  if (found) return found;
  const ranges = new Map<number, ts.CommentRange>();
  const visit = (node: ts.Node): void => {
    if (node.kind >= ts.SyntaxKind.FirstJSDocNode && node.kind <= ts.SyntaxKind.LastJSDocNode) return;
    const children = node.getChildren(source);
    for (const child of children) visit(child);
    if (children.length > 0) return;
    const before = [ts.getTrailingCommentRanges(source.text, node.pos), ts.getLeadingCommentRanges(source.text, node.pos)];
    for (const range of before.flatMap((list) => list ?? [])) if (range.end <= node.getStart(source)) ranges.set(range.pos, range);
  };
  visit(source);
  found = [...ranges.values()].map(({ pos, end }) => ({ text: source.text.slice(pos, end), line: lineOf(source, pos), endLine: lineOf(source, end) }));
  commentsOf.set(source, found);
  return found;
}

/** Whether a comment stands inside the lines of a node, behind its last line, or right above its first. */
export function isExplained(source: ts.SourceFile, node: ts.Node): boolean {
  const first = lineOf(source, node);
  const last = lineOf(source, node.getEnd());
  return comments(source).some((comment) => comment.endLine >= first - 1 && comment.line <= last);
}

/** The text of a string or of a template without substitutions. */
export const literalText = (node: ts.Node | undefined): string | undefined => (node && ts.isStringLiteralLike(node) ? node.text : undefined);

/** Everything that a file imports or exports from elsewhere, types and dynamic imports included. */
export function moduleSpecifiers(source: ts.SourceFile): { specifier: string; node: ts.Node }[] {
  const found: { specifier: string; node: ts.Node }[] = [];
  walk(source, (node) => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) found.push({ specifier, node });
  });
  return found;
}

const LOADERS = /^(?:require|require\.resolve|import\.meta\.resolve|jest\.\w*[mM]ock\w*|jest\.requireActual)$/;

function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return literalText(node.moduleSpecifier);
  if (ts.isExternalModuleReference(node)) return literalText(node.expression);
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? literalText(node.argument.literal) : undefined;
  if (!ts.isCallExpression(node)) return undefined;
  const loads = node.expression.kind === ts.SyntaxKind.ImportKeyword || LOADERS.test(node.expression.getText());
  return loads ? literalText(node.arguments[0]) : undefined;
}

/** Names of a call's receiver from the outside in: `this.em.fork().insert` gives insert, fork, em, this. */
export function chain(node: ts.Expression): string[] {
  if (ts.isCallExpression(node) || ts.isNonNullExpression(node) || ts.isParenthesizedExpression(node)) return chain(node.expression);
  if (ts.isAwaitExpression(node) || ts.isAsExpression(node)) return chain(node.expression);
  if (ts.isPropertyAccessExpression(node)) return [node.name.text, ...chain(node.expression)];
  if (ts.isIdentifier(node)) return [node.text];
  return node.kind === ts.SyntaxKind.ThisKeyword ? ['this'] : [];
}

/** Initializers of a file's variables by name, so that a rule can follow a name to what it stands for. */
export function initializers(source: ts.SourceFile): Map<string, ts.Expression> {
  const found = new Map<string, ts.Expression>();
  for (const { name, initializer } of findAll(source, ts.isVariableDeclaration)) if (ts.isIdentifier(name) && initializer) found.set(name.text, initializer);
  return found;
}

/** Whether a declaration carries `export`. */
export const isExported = (node: ts.Node): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword);

/** Names of a node's decorators, such as `Body`. */
export const decorators = (node: ts.Node): string[] =>
  ts.canHaveDecorators(node) ? (ts.getDecorators(node) ?? []).map(({ expression }) => chain(expression)[0] ?? '') : [];
