#!/usr/bin/env node
/*
 * hive-migration create <what_it_does>   writes src/migrations/Migration<time>_<what_it_does>.ts and moves the snapshot
 * hive-migration check                   exits 1 when entities and snapshot differ
 *
 * Runs in a package that has `dist/orm.js`. Nothing connects to a database: the difference is taken against
 * src/migrations/snapshot.json, which starts as an empty schema. Upstream entities are known to the ORM, so that foreign
 * keys to them can be written, and their tables are skipped, so that only the owner's tables are.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Migrator, TSMigrationGenerator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';

const [command, name] = process.argv.slice(2);
const folder = join(process.cwd(), 'src/migrations');
const snapshot = join(folder, 'snapshot.json');

const exported = await import(pathToFileURL(join(process.cwd(), 'dist/orm.js')).href);
const domain = Object.values(exported).find((value) => value?.entities && value?.migrations);
const upstream = collectUpstream(domain);

if (!existsSync(snapshot)) writeFileSync(snapshot, JSON.stringify({ namespaces: [domain.name], name: domain.name, tables: [], nativeEnums: {}, views: [] }, null, 2) + '\n');

/** Schemas, roles, the time zone and search path belong to the bootstrap and the connection, not to a migration. */
class Generator extends TSMigrationGenerator {
  generate(diff, path, fileName) {
    const ours = (sql) => !/^(set names|set session_replication_role|create schema|drop schema|select 1)/i.test(sql.trim());
    const [up, down] = [diff.up.filter(ours), diff.down.filter(ours)];
    return super.generate({ up: [...changed.map(({ drop }) => drop), ...up], down: [...down, ...changed.map(({ before }) => `${before};`)] }, path, fileName);
  }
}

const orm = await MikroORM.init({
  dbName: 'offline',
  entities: [...upstream.flatMap((d) => d.entities), ...domain.entities],
  extensions: [Migrator],
  schemaGenerator: {
    skipTables: upstream.flatMap((d) => d.entities).map((e) => `${e.meta.schema}.${e.meta.tableName}`),
    ignoreSchema: upstream.map((d) => d.name),
    disableForeignKeys: false,
  },
  migrations: {
    path: folder,
    pathTs: folder,
    snapshot: true,
    snapshotName: 'snapshot',
    emit: 'ts',
    disableForeignKeys: false,
    fileName: (timestamp, what) => `Migration${timestamp}_${what}`,
    generator: Generator,
  },
});

// MikroORM 7.2.1 leaves partitioning out of its snapshot, so it would rebuild every partitioned table, copying all rows under
// an exclusive lock. How an existing table is partitioned cannot be altered anyway: only a new one says it.
const existing = new Set(JSON.parse(readFileSync(snapshot, 'utf8')).tables.map((table) => `${table.schema}.${table.name}`));
for (const meta of orm.getMetadata().getAll().values()) {
  if (existing.has(`${meta.schema}.${meta.tableName}`)) delete meta.partitionBy;
}

const changed = changedExpressions();

if (command === 'check') await check();
else if (command === 'create' && /^[a-z][a-z0-9_]*$/.test(name ?? '')) await create();
else fail('usage: hive-migration create <what_it_does> | check');
await orm.close(true);

async function check() {
  if (changed.length > 0 || await orm.migrator.checkSchema()) fail(`${domain.name}: entities and src/migrations/snapshot.json differ; run: pnpm --filter @agent-hive/${domain.name} migration create <what_it_does>`);
  console.log(`${domain.name}: entities and snapshot agree`);
}

/** Indexes that the entities write in SQL of their own, in other words than the snapshot: MikroORM 7.2.1 takes those of one name for the same. */
function changedExpressions() {
  const wanted = new Map([...orm.getMetadata().getAll().values()].flatMap((meta) => meta.indexes.map((index) => [`${meta.schema}.${index.name}`, index.expression])));
  return JSON.parse(readFileSync(snapshot, 'utf8')).tables.flatMap((table) => table.indexes
    .map((index) => ({ index, after: wanted.get(`${table.schema}.${index.keyName}`) }))
    .filter(({ index, after }) => index.expression && after && index.expression !== after)
    .map(({ index }) => ({ schema: table.schema, name: index.keyName, before: index.expression, drop: `drop index "${table.schema}"."${index.keyName}";` })));
}

/** The snapshot without the indexes that changed, against which they are new ones. */
function forgetChanged() {
  const known = JSON.parse(readFileSync(snapshot, 'utf8'));
  const isChanged = (table, index) => changed.some(({ schema, name: of }) => table.schema === schema && index.keyName === of);
  for (const table of known.tables) table.indexes = table.indexes.filter((index) => !isChanged(table, index));
  writeFileSync(snapshot, JSON.stringify(known, null, 2) + '\n');
}

async function create() {
  if (changed.length > 0) forgetChanged();
  const { fileName, diff } = await orm.migrator.create(folder, false, false, name);
  if (!fileName) return console.log(`${domain.name}: entities and snapshot agree; nothing to write`);
  writeFileSync(snapshot, JSON.stringify(JSON.parse(readFileSync(snapshot, 'utf8')), null, 2) + '\n');
  addToIndex(fileName.replace(/\.ts$/, ''));
  console.log(`src/migrations/${fileName}: ${diff.up.length} statements up, ${diff.down.length} down. Read it, and give down() what the generator cannot know.`);
}

function addToIndex(migration) {
  const index = join(folder, 'index.ts');
  const text = readFileSync(index, 'utf8')
    .replace(/\n\nexport const migrations/, `\nimport { ${migration} } from './${migration}.js';\n\nexport const migrations`)
    .replace(/\];\s*$/, `  { name: '${migration}', class: ${migration} },\n];\n`)
    .replace('[  {', '[\n  {');
  writeFileSync(index, text);
}

function collectUpstream(of) {
  const found = new Set();
  const visit = (d) => d.upstream.forEach((u) => (visit(u), found.add(u)));
  visit(of);
  return [...found];
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
