import ts from 'typescript';
import type { Breach, Rule } from '../rule.ts';
import { findAll, lineOf } from '../source.ts';

const DIRECTORIES = ['common', 'shared', 'utils', 'util', 'core', 'helpers', 'helper'];
const PARTS = ['manager', 'managers', 'helper', 'helpers', 'util', 'utils', 'impl', 'impls'];
const ACCEPTED = 'a name that says what it does or holds, in the words of the domain';

/** No name that tells nothing of what it names. */
export const bannedNames: Rule = {
  name: 'banned-names',
  about: `no directory ${DIRECTORIES.join('/')}; no Manager, Helper, Util, Impl, Base prefix, I prefix`,
  *check(repository) {
    const inPackages = (file: string): boolean => /^(?:packages|apps|tooling)\//.test(file);
    for (const file of repository.files.filter(inPackages)) {
      const parts = file.split('/');
      const base = parts.pop()!;
      const directory = parts.find((part) => DIRECTORIES.includes(part));
      if (directory) yield { file, line: 1, message: `directory ${directory} says nothing`, accepted: 'a directory named by a noun of the domain' };
      const part = base.split(/[-._]/).find((word) => PARTS.includes(word.toLowerCase()));
      if (part) yield { file, line: 1, message: `${base} has the name part ${part}`, accepted: ACCEPTED };
    }
    for (const file of repository.code.filter(inPackages)) yield* declarations(file, repository.source(file));
  },
};

function* declarations(file: string, source: ts.SourceFile): Iterable<Breach> {
  for (const node of findAll(source, isNamedDeclaration)) {
    const name = node.name?.text;
    if (name === undefined) continue;
    const message = objection(name, !ts.isFunctionDeclaration(node));
    if (message) yield { file, line: lineOf(source, node.name!), message, accepted: ACCEPTED };
  }
}

type Named = ts.ClassDeclaration | ts.InterfaceDeclaration | ts.TypeAliasDeclaration | ts.EnumDeclaration | ts.FunctionDeclaration;

const isNamedDeclaration = (node: ts.Node): node is Named =>
  ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isEnumDeclaration(node) || ts.isFunctionDeclaration(node);

function objection(name: string, isType: boolean): string | null {
  const words = name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+/g) ?? [];
  const part = words.find((word) => PARTS.includes(word.toLowerCase()));
  if (part) return `${name} has the name part ${part}`;
  if (isType && words[0] === 'Base' && words.length > 1) return `${name} has the prefix Base`;
  // IPv4 is a word; Id, Insight, Instruction go on in lower case after the I.
  if (isType && /^I[A-Z][a-z]/.test(name) && !/^IPv\d/.test(name)) return `${name} has the prefix I`;
  return null;
}
