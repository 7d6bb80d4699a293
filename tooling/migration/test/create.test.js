import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

const main = new URL('../main.js', import.meta.url).pathname;

describe('hive-migration', () => {
  let root;
  const inPackage = (file) => join(root, file);
  const entities = (colour, indexes = '[]') => writeFileSync(inPackage('dist/orm.js'), `
    import { defineEntity, p } from '${import.meta.resolve('@mikro-orm/postgresql')}';
    const Note = defineEntity({ name: 'Note', schema: 'probe', tableName: 'note', properties: { id: p.integer().primary(), title: p.text(), ${colour} }, indexes: ${indexes} });
    export const probe = { name: 'probe', upstream: [], migrations: [], entities: [Note] };`);
  const run = (...args) => spawnSync(process.execPath, [main, ...args], { cwd: root, encoding: 'utf8' });
  const written = (what) => readFileSync(inPackage(`src/migrations/${readdirSync(inPackage('src/migrations')).find((file) => file.endsWith(`_${what}.ts`))}`), 'utf8');
  const body = (source, method) => source.slice(source.indexOf(`${method}()`)).split('\n  }')[0];

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'hive-migration-'));
    mkdirSync(inPackage('dist'));
    mkdirSync(inPackage('src/migrations'), { recursive: true });
    writeFileSync(inPackage('package.json'), '{ "type": "module" }');
    writeFileSync(inPackage('src/migrations/index.ts'), `import type { DomainMigration } from '@agent-hive/kernel';\n\nexport const migrations: DomainMigration[] = [];\n`);
    entities('');
  });
  after(() => rmSync(root, { recursive: true }));

  it('writes what the entities ask for, both ways, by a name that says what it does [S3.156, S3.159, S2.40, S1.9]', () => {
    const made = run('create', 'notes');
    assert.equal(made.status, 0, made.stderr);
    assert.match(body(written('notes'), 'up'), /create table "probe"."note"/);
    assert.match(body(written('notes'), 'down'), /drop table if exists "probe"."note"/);
    assert.match(readFileSync(inPackage('src/migrations/index.ts'), 'utf8'), /\{ name: '(Migration\d{14}_notes)', class: \1 \},\n\];/);
    assert.match(run('check').stdout, /entities and snapshot agree/);
  });

  it('writes only the difference the next time, and refuses a change of the entities that no migration brings [S2.50, S3.160]', () => {
    entities('colour: p.text().nullable()');
    const check = run('check');
    assert.deepEqual([check.status, /run: pnpm --filter @agent-hive\/probe migration create/.test(check.stderr)], [1, true]);
    assert.equal(run('create', 'colours').status, 0);
    assert.match(body(written('colours'), 'up'), /alter table "probe"."note" add "colour" text null/);
    assert.match(body(written('colours'), 'down'), /alter table "probe"."note" drop column "colour"/);
    assert.equal(run('check').status, 0);
    assert.match(run('create', 'nothing').stdout, /nothing to write/);
  });

  it('brings an index anew whose own SQL has changed, and refuses that without a migration [S2.50, S3.160]', () => {
    const indexBy = (method) => entities('colour: p.text().nullable()', `[{ name: 'note_title_index', expression: 'create index "note_title_index" on "probe"."note" using ${method} ("title")' }]`);
    indexBy('btree');
    assert.equal(run('create', 'titles').status, 0);
    assert.equal(run('check').status, 0);
    indexBy('hash');
    assert.match(run('check').stderr, /entities and src\/migrations\/snapshot.json differ/);
    assert.equal(run('create', 'hashed').status, 0);
    assert.match(body(written('hashed'), 'up'), /drop index "probe"."note_title_index";[^]*create index "note_title_index" on "probe"."note" using hash/);
    assert.match(body(written('hashed'), 'down'), /drop index[^]*note_title_index[^]*create index "note_title_index" on "probe"."note" using btree/);
    assert.equal(run('check').status, 0);
    assert.match(run('create', 'nothing').stdout, /nothing to write/);
  });

  for (const [what, args] of [['no command', []], ['no name', ['create']], ['a name that is no file', ['create', '../x']]]) {
    it(`refuses ${what}`, () => assert.match(run(...args).stderr, /usage: hive-migration/));
  }
});
