#!/usr/bin/env node
/*
 * pnpm new:domain NAME [--upstream agents]
 *
 * Writes packages/NAME with one table, one module and one test that passes, in the manner of packages/agents. Then:
 * `pnpm install`, `pnpm --filter @agent-hive/NAME build`, `pnpm --filter @agent-hive/NAME migration create NAME_tables`,
 * add the arrow to tooling/tidy and the domain to apps/api/src/domains.ts.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { upstream: { type: 'string', default: 'agents' }, root: { type: 'string', default: new URL('../../', import.meta.url).pathname } } });
const [name] = positionals;
const upstream = values.upstream;
const packages = join(values.root, 'packages');

if (!/^[a-z][a-z0-9]*$/.test(name ?? '')) fail('usage: pnpm new:domain NAME [--upstream DOMAIN]; NAME is lower case letters and digits, and becomes the package and the schema');
if (existsSync(join(packages, name))) fail(`packages/${name} exists`);
if (!existsSync(join(packages, upstream, 'src/orm.ts'))) fail(`packages/${upstream} is no domain; upstream is the one whose tables yours may refer to`);

const Name = name[0].toUpperCase() + name.slice(1);
const exemplar = JSON.parse(readFileSync(join(packages, 'agents/package.json'), 'utf8'));
const dependencies = Object.fromEntries(Object.entries({ ...exemplar.dependencies, [`@agent-hive/${upstream}`]: 'workspace:*' }).sort());
for (const own of ['ajv', 'ajv-formats']) delete dependencies[own];

const files = {
  'package.json': JSON.stringify({ ...exemplar, name: `@agent-hive/${name}`, description: `The ${name} of a hive`, dependencies }, null, 2) + '\n',
  'src/orm.ts': `import { ${upstream}Domain } from '@agent-hive/${upstream}';
import { domainOrm } from '@agent-hive/kernel';
import { ItemSchema } from './item.entity.js';
import { migrations } from './migrations/index.js';

/** Schema \`${name}\`. */
export const ${name}Domain = domainOrm({ name: '${name}', entities: [ItemSchema], upstream: [${upstream}Domain], migrations });
`,
  'src/item.entity.ts': `import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';

/** One sentence with the invariant that this table keeps. */
export const ItemSchema = defineEntity({
  name: '${Name}Item',
  schema: '${name}',
  tableName: 'item',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    name: p.text(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  checks: [{ name: 'item_name_check', expression: 'length(name) between 1 and 100' }],
});

export class ${Name}Item extends ItemSchema.class {}
ItemSchema.setClass(${Name}Item);
`,
  [`src/${name}.module.ts`]: `import { Module } from '@nestjs/common';

@Module({})
export class ${Name}Module {}
`,
  'src/index.ts': `export { ${Name}Module } from './${name}.module.js';\nexport { ${name}Domain } from './orm.js';\n`,
  'src/migrations/index.ts': `import type { DomainMigration } from '@agent-hive/kernel';\n\nexport const migrations: DomainMigration[] = [];\n`,
  'test/schema.test.ts': `import { testDatabase } from '@agent-hive/kernel/testing';
import { ${name}Domain } from '../src/index.js';

it('has a schema of its own', async () => {
  const { database, orm, close } = await testDatabase([${name}Domain]);
  expect(await database.execute(orm, "select 1 as one from pg_namespace where nspname = '${name}'")).toEqual([{ one: 1 }]);
  await close();
});
`,
  'README.md': `# @agent-hive/${name}\n\n## Owns\n\n## Exports\n\n## Imports\n\n## Tables and invariants\n\n## Not here\n`,
};
for (const same of ['nest-cli.json', 'tsconfig.json', 'tsconfig.build.json', 'jest.config.js', 'eslint.config.js']) files[same] = readFileSync(join(packages, 'agents', same), 'utf8');

for (const [path, text] of Object.entries(files)) {
  const file = join(packages, name, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
console.log(`packages/${name}: ${Object.keys(files).length} files. Next:
  pnpm install
  pnpm --filter @agent-hive/${name}... build
  pnpm --filter @agent-hive/${name} migration create ${name}_tables
  add '${name}' to the arrows in tooling/tidy and the domain to apps/api/src/domains.ts`);

function fail(message) {
  console.error(message);
  process.exit(2);
}
