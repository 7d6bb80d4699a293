import { testDatabase, type TestDatabase } from '@agent-hive/kernel/testing';
import { domains } from '../src/domains.js';

/*
 * Generated from the catalogue: each constraint is given what it must refuse. One that is added is tried here without anyone
 * asking; one that nothing can break, such as a range with its bounds the wrong way round, fails.
 */
interface Constraint {
  name: string;
  table: string;
  expression: string;
  columns: { name: string; type: string }[];
}

/** Values at which constraints break, by the type of a column, as SQL. */
const EDGES: Record<string, readonly string[]> = {
  text: [`''`, `' '`, `'x'`, `'UPPER'`, `repeat('x', 1000000)`],
  uuid: [`'00000000-0000-0000-0000-000000000000'`, `'ffffffff-ffff-ffff-ffff-ffffffffffff'`],
  smallint: ['-10000', '-1', '0', '1', '10000'],
  integer: ['-1000000000', '-1', '0', '1', '1000000000'],
  bigint: ['-1000000000000', '-1', '0', '1', '1000000000000'],
  'double precision': [`'-Infinity'`, '-1', '0', '1', `'Infinity'`],
  numeric: ['-1e15', '-1', '0', '1', '1e15'],
  boolean: ['true', 'false'],
  bytea: [`'\\x'`, `'\\x00'`, `decode(repeat('00', 32), 'hex')`],
  date: [`'2000-01-01'`, `'2100-01-01'`],
  timestamptz: [`'2000-01-01'`, `'2100-01-01'`],
  json: [`'null'`, `'[]'`, `'{}'`],
  jsonb: [`'null'`, `'[]'`, `'{}'`, `'"x"'`, `'1'`, `'["x"]'`],
};

const edgesOf = (type: string): readonly string[] => {
  const plain = type.replace(/^timestamp(\(\d\))? with time zone$/, 'timestamptz').replace(/\(.*\)$/, '');
  const edges = EDGES[plain];
  if (!edges) throw new Error(`No edges are known of type ${type}: add them to EDGES`);
  // What a column of few digits cannot hold is for its type to refuse, not for its check.
  return ['null', ...edges].map((edge) => `(${edge}::${plain === 'numeric' ? plain : type})`);
};

const OURS = `not c.relispartition and c.relname <> 'migrations' and n.nspname = any (array['kernel', ${domains.map((d) => `'${d.name}'`).join(', ')}])`;
const columnsWhere = (condition: string) =>
  `(select jsonb_agg(jsonb_build_object('name', quote_ident(a.attname), 'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum) from pg_attribute a where a.attrelid = c.oid and (${condition}))`;

describe('every constraint of the schema refuses what it is there for [S4.122]', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase(domains);
  });
  afterAll(() => db.close());

  const rows = <T extends object>(sql: string) => db.database.execute<T>(db.orm, sql);
  const constraints = (kind: string, expression: string) =>
    rows<Constraint>(`
      select k.conname as name, c.oid::regclass::text as "table", ${expression} as expression, ${columnsWhere('a.attnum = any (k.conkey)')} as columns
        from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace where k.contype = '${kind}' and ${OURS} order by 2, 1`);

  /** Which of the constraints no row breaks, with the statement that looks for one. */
  const unbroken = async (found: readonly Constraint[], statement: (constraint: Constraint) => string) => {
    const names: string[] = [];
    for (const constraint of found) if ((await rows(statement(constraint))).length === 0) names.push(`${constraint.table} ${constraint.name}`);
    return names;
  };

  /** What the server says to the last of the statements; nothing of them stays. */
  const stateOf = async (statements: readonly string[]) => {
    await rows(`
      do $probe$ begin
        ${statements.map((statement) => `execute $s$${statement}$s$;`).join('\n')}
        raise exception 'nothing was refused';
      exception when others then perform set_config('hive.probed', sqlstate, false);
      end $probe$`);
    return (await rows<{ state: string }>(`select current_setting('hive.probed') as state`))[0]!.state;
  };

  it('checks: each is false of something', async () => {
    const checks = await constraints('c', 'pg_get_expr(k.conbin, k.conrelid)');
    expect(checks.length).toBeGreaterThan(100);
    const named = (type: string, expression: string) => (type === 'text' ? [...new Set(expression.match(/'[^']*'::text/g))].map((literal) => `(${literal})`) : []);
    const broken = ({ columns, expression }: Constraint) =>
      `select from ${columns.map(({ name, type }, i) => `(values ${[...edgesOf(type), ...named(type, expression)].join(', ')}) v${i} (${name})`).join(' cross join ')} where (${expression}) is false limit 1`;
    expect(await unbroken(checks, broken)).toEqual([]);
  });

  it('foreign keys: each refuses a row whose parent is nowhere, and holds of the rows that were there before it', async () => {
    const keys = await constraints('f', 'pg_get_constraintdef(k.oid)');
    expect(keys.length).toBeGreaterThan(20);
    for (const { name, table, expression, columns } of keys) {
      const orphan = `insert into probe select ${columns.map(({ type }) => edgesOf(type).at(-1)).join(', ')}`;
      const made = `create table probe (${columns.map((column) => `${column.name} ${column.type}`).join(', ')})`;
      expect([table, name, await stateOf([made, `alter table probe add ${expression}`, orphan])]).toEqual([table, name, FOREIGN_KEY_VIOLATION]);
    }
    expect(await rows(`select k.conname from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace where not k.convalidated and ${OURS}`)).toEqual([]);
  });

  it('unique keys: each refuses the same row twice', async () => {
    const keys = await rows<Constraint>(`
      select x.relname as name, c.oid::regclass::text as "table", regexp_replace(pg_get_indexdef(i.indexrelid), 'INDEX \\S+ ON (ONLY )?\\S+', 'INDEX ON probe') as expression, ${columnsWhere(`a.attnum = any (i.indkey) or a.attnum in (select refobjsubid from pg_depend where objid = i.indexrelid and refobjid = c.oid)`)} as columns
        from pg_index i join pg_class x on x.oid = i.indexrelid join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace where i.indisunique and ${OURS} order by 2, 1`);
    expect(keys.length).toBeGreaterThan(50);
    for (const { name, table, expression, columns } of keys) {
      // Of a key over some rows only, a row that is one of them.
      const within = (column: string): string | undefined => {
        if (new RegExp(`WHERE .*\\b${column} IS NULL`).test(expression)) return 'null';
        if (new RegExp(`WHERE .*NOT ${column}\\b`).test(expression)) return 'false';
        return new RegExp(`WHERE .*\\b${column} = (?:ANY \\(ARRAY\\[)?('[^']*'::text)`).exec(expression)?.[1];
      };
      const row = `insert into probe (${columns.map((column) => column.name).join(', ')}) values (${columns.map(({ name: column, type }) => within(column) ?? edgesOf(type)[1]).join(', ')})`;
      // A copy by a query has the columns, and nothing of what is said about them.
      const made = [`create table probe as select * from ${table} limit 0`, expression];
      expect([table, name, await stateOf([...made, row, row])]).toEqual([table, name, UNIQUE_VIOLATION]);
    }
  });
});

const FOREIGN_KEY_VIOLATION = '23503';
const UNIQUE_VIOLATION = '23505';
