import ts from 'typescript';
import { isMigration, isSource, isTestingEntry } from '../repository.ts';
import type { Rule } from '../rule.ts';
import { chain, findAll, initializers, lineOf } from '../source.ts';
import { sqlTexts, writesRows } from '../sql-text.ts';

/** Kysely's builders of writes. */
export const KYSELY_WRITES: readonly string[] = ['insertInto', 'updateTable', 'deleteFrom', 'mergeInto', 'replaceInto'];

const ACCEPTED = 'the unit of work, which the record captures, or a statement in a .sql.ts file that inserts its entry too';
const NATIVE = ['nativeUpdate', 'nativeUpdateMany', 'nativeDelete', 'nativeInsert', 'nativeInsertMany'];
const ENTITY_MANAGERS = ['em', 'tx', 'trx', 'entityManager', 'manager'];

/** Every change leaves an entry in the record. What writes past the unit of work stands where its entry can be seen. */
export const writesAroundTheRecord: Rule = {
  name: 'writes-around-the-record',
  about: 'no native, upsert, query-builder or SQL write and no getConnection().execute outside .sql.ts files and the kernel',
  *check(repository) {
    const schemas = repository.packages.filter((pkg) => pkg.kind === 'packages').map((pkg) => pkg.short);
    for (const file of repository.code) {
      if (!isSource(file) || file.endsWith('.sql.ts') || file.startsWith('packages/kernel/') || isMigration(file) || isTestingEntry(file)) continue;
      const source = repository.source(file);
      const names = initializers(source);
      for (const call of findAll(source, ts.isCallExpression)) {
        const message = objection(call, names);
        if (message) yield { file, line: lineOf(source, call.expression.getEnd()), message, accepted: ACCEPTED };
      }
      for (const { text, line } of sqlTexts(source)) if (writesRows(text, schemas)) yield { file, line, message: 'SQL that writes, outside a .sql.ts file', accepted: ACCEPTED };
    }
  },
};

function objection(call: ts.CallExpression, names: Map<string, ts.Expression>): string | null {
  if (!ts.isPropertyAccessExpression(call.expression)) return null;
  const verb = call.expression.name.text;
  if (NATIVE.includes(verb)) return `${verb} writes past the record`;
  if (KYSELY_WRITES.includes(verb)) return `${verb} writes past the record`;
  const receiver = origin(call.expression.expression, names);
  if (verb === 'execute' && receiver.includes('getConnection')) return 'getConnection().execute carries no tenant';
  const onManager = receiver.includes('getRepository') || ENTITY_MANAGERS.includes(receiver.find((name) => name !== 'fork') ?? '');
  if (['insert', 'insertMany', 'upsert', 'upsertMany'].includes(verb) && onManager) return `em.${verb} writes past the record`;
  const onBuilder = receiver.some((name) => ['createQueryBuilder', 'qb', 'queryBuilder'].includes(name));
  return ['insert', 'update', 'delete', 'truncate'].includes(verb) && onBuilder ? `a query builder's ${verb} writes past the record` : null;
}

/** Names on the way to a value, through the variables that it was kept in. */
function origin(node: ts.Expression, names: Map<string, ts.Expression>, depth = 0): string[] {
  const found = chain(node);
  const root = names.get(found.at(-1) ?? '');
  return root && depth < 5 ? [...found, ...origin(root, names, depth + 1)] : found;
}
