import ts from 'typescript';

/** A title as far as it stands in the text; what is computed is `…`. */
export interface Title {
  text: string;
  line: number;
  /** Whether it belongs to a test that is run, or to a group that holds one. */
  runs: boolean;
}

/** Titles of one file, and lines of calls that look like a test by an unknown name. */
export interface Titles {
  titles: Title[];
  unknown: number[];
}

type Kind = { kind: 'test' | 'group'; skipped: boolean };

const KNOWN: Readonly<Record<string, Kind>> = {
  it: { kind: 'test', skipped: false },
  test: { kind: 'test', skipped: false },
  fit: { kind: 'test', skipped: false },
  describe: { kind: 'group', skipped: false },
  suite: { kind: 'group', skipped: false },
  fdescribe: { kind: 'group', skipped: false },
  xit: { kind: 'test', skipped: true },
  xtest: { kind: 'test', skipped: true },
  xdescribe: { kind: 'group', skipped: true },
};

/** What keeps a test from running, or from having to pass. */
const SKIPPING = ['skip', 'todo', 'failing'];

/** Reads the titles of a test file without running it. */
export function titlesOf(file: string, text: string): Titles {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const aliases = aliasesOf(source);
  const found: Titles = { titles: [], unknown: [] };
  const lineOf = (node: ts.Node): number => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;

  /** Collects what is inside a node; returns how many tests in it are run. */
  const collect = (node: ts.Node, skipped: boolean): number => {
    let running = 0;
    const inside = (child: ts.Node): void => void (running += collect(child, skipped));
    if (!ts.isCallExpression(node)) {
      ts.forEachChild(node, inside);
      return running;
    }
    const kind = classify(node.expression, aliases);
    const title = staticText(node.arguments[0]);
    const isTest = kind !== null && node.arguments.length > 0 && node.arguments.slice(1).some((argument) => !ts.isArrayLiteralExpression(argument));
    if (!kind || !isTest) {
      if (!kind && /\[S\d/.test(title) && node.arguments.some(isFunction)) found.unknown.push(lineOf(node));
      ts.forEachChild(node, inside);
      return running;
    }
    const entry: Title = { text: title, line: lineOf(node), runs: false };
    found.titles.push(entry);
    const off = skipped || kind.skipped || node.arguments.some(skipsByOption);
    for (const argument of node.arguments) running += collect(argument, off);
    if (kind.kind === 'test' && !off) running += 1;
    entry.runs = running > 0;
    return running;
  };
  collect(source, false);
  return found;
}

/** What a callee is: `it`, `it.each(...)`, `describe.skip`, `t.test`, `(server ? it : it.skip)`, or a variable that holds one. */
function classify(callee: ts.Expression, aliases: Map<string, Kind>): Kind | null {
  if (ts.isIdentifier(callee)) return aliases.get(callee.text) ?? KNOWN[callee.text] ?? null;
  if (ts.isParenthesizedExpression(callee)) return classify(callee.expression, aliases);
  if (ts.isTaggedTemplateExpression(callee)) return classify(callee.tag, aliases);
  if (ts.isCallExpression(callee)) return isEach(callee.expression) ? classify(callee.expression, aliases) : null;
  if (ts.isConditionalExpression(callee)) {
    const branches = [classify(callee.whenTrue, aliases), classify(callee.whenFalse, aliases)].filter((branch) => branch !== null);
    return branches[0] ? { kind: branches[0].kind, skipped: branches.every((branch) => branch.skipped) } : null;
  }
  if (!ts.isPropertyAccessExpression(callee)) return null;
  const name = callee.name.text;
  const base = classify(callee.expression, aliases);
  if (base) return SKIPPING.includes(name) ? { ...base, skipped: true } : base;
  // A part of a test of node:test, `await t.test(...)`.
  return ts.isIdentifier(callee.expression) && (name === 'test' || name === 'it') ? KNOWN[name]! : null;
}

const isEach = (node: ts.Expression): boolean => ts.isPropertyAccessExpression(node) && node.name.text === 'each';

function aliasesOf(source: ts.SourceFile): Map<string, Kind> {
  const aliases = new Map<string, Kind>();
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer) {
      const kind = classify(node.initializer, aliases);
      if (kind) aliases.set(node.name.text, kind);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return aliases;
}

const isFunction = (node: ts.Node): boolean => ts.isArrowFunction(node) || ts.isFunctionExpression(node);

/** `{ skip: true }` or `{ todo: 'why' }` of node:test. A computed one may run. */
function skipsByOption(argument: ts.Expression): boolean {
  if (!ts.isObjectLiteralExpression(argument)) return false;
  return argument.properties.some((property) => {
    if (!ts.isPropertyAssignment(property) || !['skip', 'todo'].includes(property.name.getText())) return false;
    return property.initializer.kind === ts.SyntaxKind.TrueKeyword || ts.isStringLiteralLike(property.initializer);
  });
}

function staticText(node: ts.Expression | undefined): string {
  if (!node) return '';
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node)) return node.head.text + node.templateSpans.map((span) => `…${span.literal.text}`).join('');
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) return staticText(node.left) + staticText(node.right);
  return '…';
}
