import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { declaredEdges } from '../src/rules/declared-edges.ts';
import { importedEdges } from '../src/rules/imported-edges.ts';
import { singleCopies } from '../src/rules/single-copies.ts';
import { found, manifest } from './world.ts';

const on = (...names: string[]) => ({ dependencies: Object.fromEntries(names.map((name) => [`@agent-hive/${name}`, 'workspace:*'])) });

describe('declared-edges', () => {
  test('refuses a dependency against the arrows, on an app, beside them, and shipped tooling', () => {
    const files = {
      'packages/kernel/package.json': manifest('kernel', on('agents')),
      'packages/agents/package.json': manifest('agents', on('api', 'kernel')),
      'packages/tasks/package.json': manifest('tasks', { devDependencies: { '@agent-hive/communication': 'workspace:*' } }),
      'packages/communication/package.json': manifest('communication'),
      'packages/client/package.json': manifest('client', on('kernel', 'lint')),
      'packages/novel/package.json': manifest('novel', on('kernel')),
      'apps/api/package.json': manifest('api', on('cli')),
      'apps/cli/package.json': manifest('cli'),
      'tooling/lint/package.json': manifest('lint'),
    };
    assert.deepEqual(found(declaredEdges, files), [
      'apps/api/package.json:4 apps/api may not use apps/cli',
      'packages/agents/package.json:4 packages/agents may not use apps/api',
      'packages/client/package.json:4 packages/client may not use packages/kernel',
      'packages/client/package.json:5 packages/client may not ship tooling/lint',
      'packages/kernel/package.json:4 packages/kernel may not use packages/agents',
      'packages/novel/package.json:4 packages/novel has no place in the arrows',
      'packages/tasks/package.json:4 packages/tasks may not use packages/communication',
    ]);
  });

  test('accepts the arrows, however far upstream, and apps that compose', () => {
    const files = {
      'packages/kernel/package.json': manifest('kernel', { devDependencies: { '@agent-hive/lint': 'workspace:*', jest: 'catalog:' } }),
      'packages/agents/package.json': manifest('agents', on('kernel')),
      'packages/trust/package.json': manifest('trust', on('agents', 'kernel')),
      'packages/tasks/package.json': manifest('tasks', on('trust', 'agents', 'kernel')),
      'packages/knowledge/package.json': manifest('knowledge', on('agents')),
      'apps/api/package.json': manifest('api', on('tasks', 'knowledge', 'kernel')),
      'apps/cli/package.json': manifest('cli', on('api', 'kernel')),
      'tooling/lint/package.json': manifest('lint'),
    };
    assert.deepEqual(found(declaredEdges, files), []);
  });
});

describe('imported-edges', () => {
  const packages = {
    'packages/kernel/package.json': manifest('kernel', { exports: { '.': './dist/index.js', './testing': './dist/testing.js' } }),
    'packages/audit/package.json': manifest('audit', { exports: { '.': './dist/index.js' }, ...on('kernel') }),
    'packages/agents/package.json': manifest('agents', on('kernel', 'audit')),
    'apps/api/package.json': manifest('api'),
  };

  test('refuses every kind of import against the arrows', () => {
    const files = {
      ...packages,
      'packages/kernel/src/a.ts': [
        `import { A } from '@agent-hive/agents';`,
        `import type { B } from '@agent-hive/agents';`,
        `export { C } from '@agent-hive/audit';`,
        `const d = await import('@agent-hive/api');`,
        `let e: import('@agent-hive/audit').E;`,
        `const f = require('@agent-hive/audit');`,
        `jest.unstable_mockModule('@agent-hive/audit', () => ({}));`,
      ].join('\n'),
      'packages/kernel/test/a.test.ts': `import '@agent-hive/agents';`,
    };
    assert.deepEqual(found(importedEdges, files), [
      'packages/kernel/src/a.ts:1 @agent-hive/agents: packages/kernel may not use packages/agents',
      'packages/kernel/src/a.ts:2 @agent-hive/agents: packages/kernel may not use packages/agents',
      'packages/kernel/src/a.ts:3 @agent-hive/audit: packages/kernel may not use packages/audit',
      'packages/kernel/src/a.ts:4 @agent-hive/api: packages/kernel may not use apps/api',
      'packages/kernel/src/a.ts:5 @agent-hive/audit: packages/kernel may not use packages/audit',
      'packages/kernel/src/a.ts:6 @agent-hive/audit: packages/kernel may not use packages/audit',
      'packages/kernel/src/a.ts:7 @agent-hive/audit: packages/kernel may not use packages/audit',
      'packages/kernel/test/a.test.ts:1 @agent-hive/agents: packages/kernel may not use packages/agents',
    ]);
  });

  test('refuses paths out of the package, deep imports, and what is not declared or not there [S5.10]', () => {
    const files = {
      ...packages,
      'packages/agents/src/a.ts': [
        `import '../../audit/src/index.js';`,
        `import '/etc/a.js';`,
        `import '@agent-hive/audit/dist/entry.js';`,
        `import '@agent-hive/nobody';`,
      ].join('\n'),
      'apps/api/src/a.ts': `import '@agent-hive/kernel';`,
    };
    assert.deepEqual(found(importedEdges, files), [
      'apps/api/src/a.ts:1 @agent-hive/kernel is not declared',
      'packages/agents/src/a.ts:1 ../../audit/src/index.js leaves packages/agents',
      'packages/agents/src/a.ts:2 /etc/a.js leaves packages/agents',
      'packages/agents/src/a.ts:3 @agent-hive/audit/dist/entry.js is no entry point of @agent-hive/audit',
      'packages/agents/src/a.ts:4 there is no package @agent-hive/nobody',
    ]);
  });

  test('accepts the arrows, entry points, the package itself and other registries, and takes no text for an import', () => {
    const files = {
      ...packages,
      'packages/agents/src/agent/a.ts': [
        `import '@agent-hive/kernel';`,
        `import '@agent-hive/audit';`,
        `import '@nestjs/common';`,
        `import '../index.js';`,
        `// import '@agent-hive/api';`,
        'const text = `import "@agent-hive/api"`;',
      ].join('\n'),
      'packages/agents/test/a.test.ts': `import '@agent-hive/kernel/testing';\nimport '../src/index.js';`,
    };
    assert.deepEqual(found(importedEdges, files), []);
  });
});

describe('single-copies', () => {
  const lock = (...keys: string[]) => ({ 'pnpm-lock.yaml': `lockfileVersion: '9.0'\n\npackages:\n\n  kysely@9.9.9:\n\nsnapshots:\n\n${keys.map((key) => `  ${key}: {}\n`).join('\n')}` });

  test('refuses two versions, and one version with two sets of peers', () => {
    assert.deepEqual(found(singleCopies, lock(`'@nestjs/core@12.5.1(rxjs@7.8.2)'`, `'@nestjs/core@12.5.1(rxjs@7.8.3)'`, 'kysely@0.29.6', 'kysely@0.30.0')), [
      'pnpm-lock.yaml:11 @nestjs/core 12.5.1(rxjs@7.8.3) beside 12.5.1(rxjs@7.8.2)',
      'pnpm-lock.yaml:15 kysely 0.30.0 beside 0.29.6',
    ]);
  });

  test('accepts one of each, several of others, and no lockfile', () => {
    assert.deepEqual(found(singleCopies, lock(`'@nestjs/core@12.5.1(rxjs@7.8.2)'`, `'@nestjs/common@12.5.1(rxjs@7.8.2)'`, 'semver@6.0.0', 'semver@7.0.0', 'kysely@0.29.6')), []);
    assert.deepEqual(found(singleCopies, {}), []);
  });
});
