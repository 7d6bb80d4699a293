import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decisionRecords } from '../src/rules/decision-records.ts';
import { docComments } from '../src/rules/doc-comments.ts';
import { documentedConfiguration } from '../src/rules/documented-configuration.ts';
import { environmentReads } from '../src/rules/environment-reads.ts';
import { internalLinks } from '../src/rules/internal-links.ts';
import { packageReadme } from '../src/rules/package-readme.ts';
import { found, manifest } from './world.ts';

describe('doc-comments', () => {
  test('refuses exports and routes without one', () => {
    const files = {
      'packages/agents/src/a.ts': 'export class A {}\nexport abstract class B {}\nexport function c() {}\nexport const d = 1, e = 2;\nclass F {}\nexport { F };\n// no doc comment\nexport const g = 1;',
      'packages/agents/src/h.controller.ts': "/** Reads. */\n@Controller('h')\nexport class H {\n  @Get()\n  list() {}\n}",
    };
    assert.deepEqual(found(docComments, files), [
      ...['1 A', '2 B', '3 c', '4 d', '4 e', '5 F', '8 g'].map((at) => `packages/agents/src/a.ts:${at} has no doc comment`),
      'packages/agents/src/h.controller.ts:5 route list has no doc comment',
    ]);
  });

  test('accepts a comment on either half of an entity, overloads, wiring, types, what stays inside, and migrations', () => {
    const files = {
      'packages/agents/src/a.ts': '/** A. */\nexport class A {}\nfunction inside() {}\nexport interface B {}\n/** C. */\nexport function c(a: string): void;\nexport function c(a: number): void;\nexport function c() {}',
      'packages/agents/src/agent.entity.ts': '/** An agent. */\nexport const AgentSchema = defineEntity({});\nexport class Agent extends AgentSchema.class {}\nexport const ToolSchema = defineEntity({});\n/** A tool. */\nexport class Tool extends ToolSchema.class {}',
      'packages/agents/src/a.controller.ts': '@Controller()\nexport class AController {\n  /** Lists. */\n  @Get()\n  list() {}\n}',
      'packages/agents/src/a.module.ts': '@Module({})\nexport class AModule {}',
      'packages/agents/src/migrations/M.ts': 'export class M {}',
      'packages/agents/test/world.ts': 'export const a = 1;',
    };
    assert.deepEqual(found(docComments, files), []);
  });
});

describe('environment-reads', () => {
  test('refuses every way to read the environment', () => {
    const files = { 'apps/api/src/a.ts': "process.env.PORT;\nprocess['env'];\nconst { env } = process;\nimport { env as e } from 'node:process';", 'packages/agents/src/b.ts': 'const a = process.env;' };
    assert.deepEqual(found(environmentReads, files), [...[1, 2, 3, 4].map((line) => `apps/api/src/a.ts:${line} process.env is read here`), 'packages/agents/src/b.ts:1 process.env is read here']);
  });

  test('accepts the declaration, the command line, tooling and tests', () => {
    const places = ['apps/api/src/config.ts', 'apps/api/src/config/keys.ts', 'apps/cli/src/main.ts', 'tooling/a/b.js', 'apps/api/test/a.test.ts', 'packages/kernel/src/testing/a.ts', '.ci/a.js'];
    assert.deepEqual(found(environmentReads, Object.fromEntries([...places.map((file) => [file, 'process.env.PORT;']), ['apps/api/src/a.ts', '// process.env\ncontext.env;\nconst { env } = context;']])), []);
  });
});

describe('documented-configuration', () => {
  const code = {
    'apps/api/src/config/keys.ts': `export const KEYS = { PORT: 1, 'HIVE_POOL_MAX': 2 };\nconst alias = 'POSTGRES_POOL_MAX';`,
    'apps/cli/src/client.ts': 'env.HIVE_URL; config.HIVE_OTHER;',
    'packages/kernel/src/testing/database.ts': 'process.env.HIVE_TEST_LOG; process.env.PATH;',
  };

  test('refuses keys that no page has', () => {
    assert.deepEqual(found(documentedConfiguration, { ...code, 'docs/configuration.md': '`HIVE_POOL_MAX_SIZE` `HIVE_TEST_LOG`', 'CONTRIBUTING.md': '`PORT`' }), [
      'apps/api/src/config/keys.ts:1 PORT is not documented',
      'apps/api/src/config/keys.ts:1 HIVE_POOL_MAX is not documented',
      'apps/api/src/config/keys.ts:2 POSTGRES_POOL_MAX is not documented',
      'apps/cli/src/client.ts:1 HIVE_URL is not documented',
    ]);
    assert.deepEqual(found(documentedConfiguration, code), ['docs/configuration.md:1 there is no such page, and 5 environment keys']);
  });

  test('accepts a row for each, and keys of tests in CONTRIBUTING.md', () => {
    assert.deepEqual(found(documentedConfiguration, { ...code, 'docs/configuration.md': '`PORT` HIVE_POOL_MAX=1 POSTGRES_POOL_MAX, `HIVE_URL`', 'CONTRIBUTING.md': 'HIVE_TEST_LOG=1' }), []);
    assert.deepEqual(found(documentedConfiguration, {}), []);
  });
});

describe('internal-links', () => {
  test('refuses links to files, headings and lines that are not there', () => {
    const files = {
      'README.md': '[a](docs/none.md)\n![b](none.png)\n[c](#nowhere)\n[d](docs/page.md#two)\n[e]: docs/none.md\n[f](a.ts#L9)\n[g](../outside.md)\n',
      'docs/page.md': '# One\n\n```\n# Two\n```\n',
      'a.ts': 'x\n',
    };
    assert.deepEqual(found(internalLinks, files).map((breach) => breach.split(' ')[0]), [1, 2, 3, 4, 5, 6, 7].map((line) => `README.md:${line}`));
  });

  test('accepts files, directories, headings as code hosts name them, lines, other sites, and brackets in code', () => {
    const files = {
      'docs/page.md':
        '# The `hive` command: start & stop\n## Twice\n## Twice\n[a](../README.md) [b](adr/) [c](#the-hive-command-start--stop) [d](#twice-1) [e](<../README.md> "title") [f](../a.ts#L1)\n[g](https://example.com/none) [h](mailto:a@b.c)\n`[i](none.md)`\n```md\n[j](none.md)\n```\n<!-- [k](none.md) -->\n',
      'docs/adr/0001-a.md': '[a](/README.md)',
      'README.md': '',
      'a.ts': 'x\n',
      'spec/matrix.md': 'get_by[T](id)',
    };
    assert.deepEqual(found(internalLinks, files), []);
  });
});

describe('package-readme', () => {
  const whole = '# @agent-hive/agents\n\n## Owns\n## Exports\n## Imports\n## Tables and invariants\n## Not here\n';

  test('refuses a missing file and missing headings', () => {
    const files = { 'packages/agents/package.json': manifest('agents'), 'packages/audit/package.json': manifest('audit'), 'packages/audit/README.md': whole.replace('## Owns', '## What it owns').replace('## Not here', '') };
    assert.deepEqual(found(packageReadme, files), ['packages/agents/README.md:1 there is no such file', 'packages/audit/README.md:1 no heading Owns, Not here']);
  });

  test('accepts all five, and apps and tooling without', () => {
    const files = { 'packages/agents/package.json': manifest('agents'), 'packages/agents/README.md': whole, 'apps/api/package.json': manifest('api'), 'tooling/lint/package.json': manifest('lint') };
    assert.deepEqual(found(packageReadme, files), []);
  });
});

describe('decision-records', () => {
  const record = '# T\n## Status\n## Context\n## Options\n## Decision\n## Consequences\n';

  test('refuses gaps, doubles, other names and missing headings', () => {
    const files = {
      'docs/adr/0001-a.md': record,
      'docs/adr/0003-c.md': record,
      'docs/adr/0003-d.md': record,
      'docs/adr/0004-e.md': record.replace('## Options\n', '').replace('## Status\n', ''),
      'docs/adr/notes.md': record,
    };
    assert.deepEqual(found(decisionRecords, files), [
      'docs/adr/0003-c.md:1 number 0003 where 0002 is due',
      'docs/adr/0003-d.md:1 number 0003 where 0004 is due',
      'docs/adr/0004-e.md:1 no heading Status, Options or Decision drivers',
      'docs/adr/notes.md:1 its name is no number with a title',
    ]);
  });

  test('accepts a complete row of them, and an index beside it', () => {
    assert.deepEqual(found(decisionRecords, { 'docs/adr/0001-a.md': record, 'docs/adr/0002-b-c.md': record.replace('Options', 'Decision drivers'), 'docs/adr/README.md': '' }), []);
    assert.deepEqual(found(decisionRecords, {}), []);
  });
});
