import ts from 'typescript';
import { isTest, type Repository } from '../repository.ts';
import type { Rule } from '../rule.ts';
import { findAll, lineOf, walk } from '../source.ts';

const PAGE = 'docs/configuration.md';
const KEY = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$/;

/** Where the keys of the configuration are declared. */
export const isConfiguration = (file: string): boolean => /^(?:apps\/api|packages\/kernel)\/src\/config(?:[^/]*\.ts$|\/)/.test(file) && !isTest(file);

/** Every key that the code reads is on the page of the configuration; keys of tests and tools may be in CONTRIBUTING.md. */
export const documentedConfiguration: Rule = {
  name: 'documented-configuration',
  about: `every environment key is documented in ${PAGE}, those of tests and tools there or in CONTRIBUTING.md`,
  *check(repository) {
    const keys = [...declared(repository), ...read(repository)].filter((key, i, all) => all.findIndex((one) => one.name === key.name) === i);
    if (keys.length > 0 && !repository.exists(PAGE)) {
      yield { file: PAGE, line: 1, message: `there is no such page, and ${keys.length} environment keys`, accepted: `a page with a row for each, ${keys[0]!.name} first` };
      return;
    }
    const pages = [PAGE, 'CONTRIBUTING.md'].map((page) => (repository.exists(page) ? repository.text(page) : ''));
    for (const { name, file, line, forUsers } of keys) {
      const word = new RegExp(`(?<![A-Z0-9_])${name}(?![A-Z0-9_])`);
      if (pages.slice(0, forUsers ? 1 : 2).some((page) => word.test(page))) continue;
      yield { file, line, message: `${name} is not documented`, accepted: `a row in ${PAGE}${forUsers ? '' : ' or a line in CONTRIBUTING.md'}` };
    }
  },
};

interface Key {
  name: string;
  file: string;
  line: number;
  /** Whether it is for who runs the hive, and not only for who works on it. */
  forUsers: boolean;
}

/** Upper-case keys of objects, and upper-case texts of two words or more. */
function* declared(repository: Repository): Iterable<Key> {
  for (const file of repository.code.filter(isConfiguration)) {
    const source = repository.source(file);
    const found: Key[] = [];
    walk(source, (node) => {
      const name = ts.isPropertyAssignment(node) && !ts.isComputedPropertyName(node.name) ? node.name.text : ts.isStringLiteral(node) && node.text.includes('_') ? node.text : '';
      if (KEY.test(name) && name.length > 1) found.push({ name, file, line: lineOf(source, node), forUsers: true });
    });
    yield* found;
  }
}

/** `env.KEY` and `process.env.KEY`. Of keys that belong to other programs, such as PATH, only the hive's own need a word. */
function* read(repository: Repository): Iterable<Key> {
  for (const file of repository.code) {
    const source = repository.source(file);
    const forUsers = /^(?:packages|apps)\/[^/]+\/src\//.test(file) && !/^packages\/[^/]+\/src\/testing\//.test(file);
    if (isTest(file)) continue;
    for (const { name, expression } of findAll(source, ts.isPropertyAccessExpression)) {
      if (/(?:^|\.)env$/.test(expression.getText()) && KEY.test(name.text) && (forUsers || name.text.startsWith('HIVE_'))) yield { name: name.text, file, line: lineOf(source, name), forUsers };
    }
  }
}
