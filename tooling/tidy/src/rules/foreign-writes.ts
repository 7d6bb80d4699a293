import ts from 'typescript';
import { isSource, isTestingEntry, type Repository } from '../repository.ts';
import type { Breach, Rule } from '../rule.ts';
import { findAll, lineOf, literalText } from '../source.ts';
import { sqlTexts, writtenSchemas } from '../sql-text.ts';
import { KYSELY_WRITES } from './writes-around-the-record.ts';

/** Only the owner writes its tables, migrations included. A schema is named as its package. */
export const foreignWrites: Rule = {
  name: 'foreign-writes',
  about: 'no SQL that writes a table of another package; tests and testing entry points may',
  *check(repository) {
    const schemas = repository.packages.filter((pkg) => pkg.kind === 'packages').map((pkg) => pkg.short);
    for (const file of repository.code) {
      if (!isSource(file) || isTestingEntry(file)) continue;
      const pkg = repository.packageOf(file);
      for (const { verb, schema, line } of writes(repository, file, schemas)) {
        if (schema === pkg?.short) continue;
        yield refused(file, line, verb, schema);
      }
    }
  },
};

const refused = (file: string, line: number, verb: string, schema: string): Breach => ({
  file,
  line,
  message: `${verb} in schema ${schema}, which is another package's`,
  accepted: `a call of a service or an SQL builder that @agent-hive/${schema} exports`,
});

function* writes(repository: Repository, file: string, schemas: readonly string[]): Iterable<{ verb: string; schema: string; line: number }> {
  const source = repository.source(file);
  for (const { text, line } of sqlTexts(source)) for (const write of writtenSchemas(text, schemas)) yield { ...write, line };
  for (const call of findAll(source, ts.isCallExpression)) {
    if (!ts.isPropertyAccessExpression(call.expression) || !KYSELY_WRITES.includes(call.expression.name.text)) continue;
    const [schema] = literalText(call.arguments[0])?.split('.') ?? [];
    if (schema !== undefined && schemas.includes(schema)) yield { verb: call.expression.name.text, schema, line: lineOf(source, call.expression.name) };
  }
}
