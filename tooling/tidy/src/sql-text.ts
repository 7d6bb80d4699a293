import ts from 'typescript';
import { initializers, lineOf, literalText, walk } from './source.ts';

/** A text of the program that may be SQL. Substitutions that cannot be followed are `?`. */
export interface SqlText {
  text: string;
  line: number;
}

/** Every string, template and sum of them. A name that stands for a text of the same file is replaced by that text. */
export function sqlTexts(source: ts.SourceFile): SqlText[] {
  const names = initializers(source);
  const found: SqlText[] = [];
  walk(source, (node) => {
    if (isText(node) && !isPartOfText(node)) found.push({ text: textOf(node, names), line: lineOf(source, node) });
  });
  return found;
}

const isText = (node: ts.Node): node is ts.Expression => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) || isSum(node);

const isSum = (node: ts.Node): node is ts.BinaryExpression => ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken;

const isPartOfText = (node: ts.Node): boolean => isSum(node.parent);

/** `depth` ends names that stand for each other. */
function textOf(node: ts.Expression, names: Map<string, ts.Expression>, depth = 0): string {
  const literal = literalText(node);
  if (literal !== undefined) return literal;
  if (depth > 5) return '?';
  if (ts.isTemplateExpression(node)) return node.head.text + node.templateSpans.map((span) => textOf(span.expression, names, depth + 1) + span.literal.text).join('');
  if (isSum(node)) return textOf(node.left, names, depth + 1) + textOf(node.right, names, depth + 1);
  if (ts.isTaggedTemplateExpression(node)) return textOf(node.template, names, depth + 1);
  if (ts.isIdentifier(node) && names.has(node.text)) return textOf(names.get(node.text)!, names, depth + 1);
  if (ts.isCallExpression(node)) return node.arguments.map((argument) => literalText(argument)).find((text) => text !== undefined && /^[\w.]+$/.test(text)) ?? '?';
  return '?';
}

const NAME = String.raw`(?:"?(\w+)"?\s*\.\s*"?(?:[\w?]+)"?)`;
const ROW_WRITE = new RegExp(String.raw`\b(insert\s+into|update(?:\s+only)?|delete\s+from(?:\s+only)?|truncate(?:\s+table)?(?:\s+only)?|merge\s+into)\s+${NAME}`, 'gi');
const SCHEMA_WRITE = /\b(alter|create|drop)\s+schema\s+(?:if\s+(?:not\s+)?exists\s+)?"?(\w+)"?/gi;
const OBJECTS = 'table|index|view|sequence|function|procedure|policy|trigger|type|domain|statistics';
const OBJECT_WRITE = new RegExp(String.raw`\b(alter|create|drop)\s+(?:[a-z]+\s+){0,3}?(?:${OBJECTS})\b[^(;]*?${NAME}`, 'gi');

/** Schemas that an SQL text writes, with the verb. Only such schemas as `known` has: everything else may be prose. */
export function writtenSchemas(text: string, known: readonly string[]): { verb: string; schema: string }[] {
  const found = [ROW_WRITE, SCHEMA_WRITE, OBJECT_WRITE].flatMap((pattern) => [...text.matchAll(pattern)]);
  return found.map(([, verb, schema]) => ({ verb: verb!.toLowerCase().replace(/\s+/g, ' '), schema: schema! })).filter(({ schema }) => known.includes(schema));
}

/** Whether an SQL text changes rows of a table of a known schema, or of one that is computed. */
export function writesRows(text: string, known: readonly string[]): boolean {
  const computed = /\b(?:insert\s+into|delete\s+from|truncate(?:\s+table)?)\s+"?\?|\bupdate\s+"?\?"?(?:\s*\.\s*"?[\w?]+"?)?\s+(?:as\s+\w+\s+)?set\b/i;
  return computed.test(text) || [...text.matchAll(ROW_WRITE)].some(([, , schema]) => known.includes(schema!));
}
