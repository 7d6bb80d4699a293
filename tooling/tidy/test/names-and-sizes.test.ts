import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bannedNames } from '../src/rules/banned-names.ts';
import { fileSize } from '../src/rules/file-size.ts';
import { fileSuffixes } from '../src/rules/file-suffixes.ts';
import { functionSize } from '../src/rules/function-size.ts';
import { indexSurface } from '../src/rules/index-surface.ts';
import { kernelSize } from '../src/rules/kernel-size.ts';
import { readmeSize } from '../src/rules/readme-size.ts';
import { found, lines } from './world.ts';

describe('file-suffixes', () => {
  test('refuses unknown suffixes, frameworks behind a plain noun, and other spellings', () => {
    const files = {
      'packages/tasks/src/task.repository.ts': '',
      'packages/tasks/src/claims.ts': `import { Injectable } from '@nestjs/common';`,
      'packages/tasks/src/TaskTree.ts': '',
      'packages/tasks/src/server.engine.ts': '',
      'packages/tasks/src/old.js': '',
    };
    assert.deepEqual(
      found(fileSuffixes, files),
      ['TaskTree.ts', 'claims.ts', 'old.js', 'server.engine.ts', 'task.repository.ts'].map((base) => `packages/tasks/src/${base}:1 ${base} says not what is in it`),
    );
  });

  test('accepts the list, migrations, engines and plain nouns of the kernel, pure functions elsewhere', () => {
    const named = ['entity', 'dto', 'service', 'controller', 'module', 'sql', 'test', 'hooks', 'provider', 'subscriber'].map((suffix) => `task-tree/task.${suffix}.ts`);
    const files = [...named, 'index.ts', 'orm.ts', 'migrations/Migration20260101000000_first.ts', 'migrations/snapshot.json'].map((base) => `packages/tasks/src/${base}`);
    const kernel = { 'packages/kernel/src/engine/server.engine.ts': '', 'packages/kernel/src/lease.ts': `import { sql } from 'kysely';`, 'packages/kernel/src/testing/App.ts': '' };
    const pure = { 'packages/tasks/src/critical-path.ts': `import { Refused } from '@agent-hive/kernel';`, 'apps/cli/src/anything.at.all.ts': '' };
    assert.deepEqual(found(fileSuffixes, { ...Object.fromEntries(files.map((file) => [file, ''])), ...kernel, ...pure }), []);
  });
});

describe('banned-names', () => {
  test('refuses directories and names that tell nothing', () => {
    const files = {
      'packages/tasks/src/utils/a.ts': '',
      'apps/api/src/string-helpers.ts': '',
      'packages/tasks/src/b.ts': 'class TaskManager {}\ninterface IAgent {}\nabstract class BaseTask {}\ntype TaskImpl = string;\nfunction claimHelper() {}\nenum DateUtil {}',
    };
    assert.deepEqual(found(bannedNames, files), [
      'apps/api/src/string-helpers.ts:1 string-helpers.ts has the name part helpers',
      'packages/tasks/src/utils/a.ts:1 directory utils says nothing',
      'packages/tasks/src/b.ts:1 TaskManager has the name part Manager',
      'packages/tasks/src/b.ts:2 IAgent has the prefix I',
      'packages/tasks/src/b.ts:3 BaseTask has the prefix Base',
      'packages/tasks/src/b.ts:4 TaskImpl has the name part Impl',
      'packages/tasks/src/b.ts:5 claimHelper has the name part Helper',
      'packages/tasks/src/b.ts:6 DateUtil has the name part Util',
    ]);
  });

  test('accepts words that only look like it, and the names of others', () => {
    const files = {
      'packages/tasks/src/a.ts': `import { EntityManager } from '@mikro-orm/postgresql';\ninterface Id {}\nclass Instruction {}\nclass Insight {}\nclass Invalid {}\nclass IdempotencyKey {}\nclass IfMatch {}\ntype IPv4Address = string;\nclass Baseline {}\nfunction utilization(em: EntityManager) {}\ninterface Implicit {}\nclass IO {}`,
      'docs/common/page.md': '',
    };
    assert.deepEqual(found(bannedNames, files), []);
  });
});

describe('index-surface', () => {
  test('refuses a star and a long list', () => {
    const files = { 'packages/tasks/src/index.ts': `export * from './a.js';\nexport * as b from './b.js';\n${lines(40)}` };
    assert.deepEqual(found(indexSurface, files), [
      'packages/tasks/src/index.ts:41 42 lines',
      'packages/tasks/src/index.ts:1 export * hides what is public',
      'packages/tasks/src/index.ts:2 export * hides what is public',
    ]);
  });

  test('accepts names, and the list of migrations', () => {
    assert.deepEqual(found(indexSurface, { 'packages/tasks/src/index.ts': `export { A, type B } from './a.js';`, 'packages/tasks/src/migrations/index.ts': lines(60) }), []);
  });
});

describe('file-size', () => {
  test('refuses files, entities, controllers and tests over their limit, and warns before', () => {
    const files = {
      'packages/tasks/src/task.entity.ts': lines(121),
      'packages/tasks/src/tasks.controller.ts': lines(121),
      'packages/tasks/src/tasks.service.ts': lines(301),
      'packages/tasks/src/task.dto.ts': lines(251),
      'packages/tasks/test/tasks.test.ts': lines(401),
    };
    assert.deepEqual(found(fileSize, files), [
      'packages/tasks/src/task.dto.ts:251 warning: 251 lines',
      'packages/tasks/src/task.entity.ts:121 121 lines',
      'packages/tasks/src/tasks.controller.ts:121 121 lines',
      'packages/tasks/src/tasks.service.ts:301 301 lines',
      'packages/tasks/test/tasks.test.ts:401 401 lines',
    ]);
  });

  test('accepts the limits themselves, migrations and what is generated', () => {
    const files = {
      'packages/tasks/src/task.entity.ts': lines(120),
      'packages/tasks/src/task.dto.ts': lines(250),
      'packages/tasks/test/world.ts': lines(400),
      'packages/tasks/src/migrations/Migration1.ts': lines(900),
      'packages/client/src/operations.generated.ts': lines(900),
    };
    assert.deepEqual(found(fileSize, files), []);
  });
});

describe('function-size', () => {
  const longer = (head: string, count: number) => `${head}\n${lines(count - 2)}}`;

  test('refuses a function, a method and an arrow of 71 lines', () => {
    const files = { 'apps/api/src/a.ts': `${longer('function f() {', 71)}\nclass A {\n${longer('m() {', 71)}\n}\n${longer('const g = () => {', 71)}` };
    assert.deepEqual(found(functionSize, files), ['apps/api/src/a.ts:1 f has 71 lines', 'apps/api/src/a.ts:73 m has 71 lines', 'apps/api/src/a.ts:145 g has 71 lines']);
  });

  test('accepts 70 lines, and longer ones in tests and migrations', () => {
    const long = longer('function f() {', 200);
    assert.deepEqual(found(functionSize, { 'apps/api/src/a.ts': longer('function f() {', 70), 'apps/api/test/a.test.ts': long, 'packages/tasks/src/migrations/M.ts': long }), []);
  });
});

describe('kernel-size', () => {
  test('refuses a kernel of 2,201 lines', () => {
    assert.deepEqual(found(kernelSize, { 'packages/kernel/src/a.ts': lines(1_200), 'packages/kernel/src/b.ts': lines(1_201) }), ['packages/kernel/package.json:1 the kernel has 2401 lines of source']);
  });

  test('accepts 2,400, not counting comments, blank lines, migrations and the testing entry point', () => {
    const files = {
      'packages/kernel/src/a.ts': `/**\n * Why.\n */\n// so\n\n${lines(2_400)}`,
      'packages/kernel/src/testing/app.ts': lines(100),
      'packages/kernel/src/migrations/M.ts': lines(100),
      'packages/kernel/test/a.test.ts': lines(100),
      'packages/tasks/src/b.ts': lines(100),
    };
    assert.deepEqual(found(kernelSize, files), []);
  });
});

describe('readme-size', () => {
  test('refuses long introductions', () => {
    assert.deepEqual(found(readmeSize, { 'README.md': lines(161), 'packages/tasks/README.md': lines(121) }), ['README.md:161 161 lines', 'packages/tasks/README.md:121 121 lines']);
  });

  test('accepts the limits themselves, and longer pages of docs/', () => {
    assert.deepEqual(found(readmeSize, { 'README.md': lines(160), 'tooling/tidy/README.md': lines(120), 'docs/page.md': lines(900) }), []);
  });
});
