import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { leftoverCode } from '../src/rules/leftover-code.ts';
import { leftoverComments } from '../src/rules/leftover-comments.ts';
import { machinePaths } from '../src/rules/machine-paths.ts';
import { skippedTests } from '../src/rules/skipped-tests.ts';
import { swallowedErrors } from '../src/rules/swallowed-errors.ts';
import { found } from './world.ts';

describe('leftover-comments', () => {
  test('refuses marks of unfinished work in code and scripts', () => {
    const files = {
      'apps/api/src/a.ts': '// FIXME later\nconst a = `${1 /* TODO: more */}`;\n// @ts-ignore\n/**\n * TODO\n */\nfoo();\n',
      'apps/api/src/b.js': '// @ts-nocheck\n',
      '.ci/run': 'echo # FIXME\n',
      'tooling/postgres/init.sql': 'select 1; -- TODO\n',
    };
    assert.deepEqual(found(leftoverComments, files), [
      'apps/api/src/a.ts:1 FIXME',
      'apps/api/src/a.ts:2 TODO without a reason',
      'apps/api/src/a.ts:3 @ts-ignore',
      'apps/api/src/a.ts:5 TODO without a reason',
      'apps/api/src/b.js:1 @ts-nocheck',
      '.ci/run:1 FIXME',
      'tooling/postgres/init.sql:1 TODO without a reason',
    ]);
  });

  test('accepts a reason, a mention in backticks, and text that is no comment', () => {
    const files = { 'apps/api/src/a.ts': "// TODO(until MikroORM batches versions): use batches\n// no `FIXME` is left\nconst a = '// FIXME';\nconst b = `// TODO ${a} // TODO`;\n// @ts-expect-error the types of pg lack it\n" };
    assert.deepEqual(found(leftoverComments, files), []);
  });
});

describe('leftover-code', () => {
  test('refuses what was meant for a moment', () => {
    const files = {
      'packages/agents/src/a.ts': 'console.log(1);\nconst a = b as any;',
      'packages/agents/test/a.test.ts': `it.only('a', f);\ndescribe.only.each([1])('b', f);\nfit('c', f);`,
    };
    assert.deepEqual(found(leftoverCode, files), [
      'packages/agents/src/a.ts:1 console.log',
      'packages/agents/src/a.ts:2 as any',
      'packages/agents/test/a.test.ts:1 it.only leaves the other tests out',
      'packages/agents/test/a.test.ts:2 describe.only leaves the other tests out',
      'packages/agents/test/a.test.ts:3 fit leaves the other tests out',
    ]);
  });

  test('accepts printing by tools, unknown, and properties of that name', () => {
    const files = {
      'apps/cli/src/a.ts': 'console.log(1);',
      'tooling/x/main.js': 'console.log(1);',
      'packages/agents/src/a.ts': "const a = b as unknown as string;\noptions.only(1);\nnew ConsoleLogger().log('x');\nconst text = 'it.only(';",
    };
    assert.deepEqual(found(leftoverCode, files), []);
  });
});

describe('skipped-tests', () => {
  test('refuses a skip without a reason, in every spelling', () => {
    const files = {
      'packages/agents/test/a.test.ts': `it.skip('a', f);\ndescribe.skip.each([1])('b', f);\nxit('c', f);\n(server ? it : it.skip)('d', f);\n\nconst onServer = server ? it : it.skip;\nonServer('e (needs a server)', f);\nonServer('f', f);`,
    };
    assert.deepEqual(found(skippedTests, files).map((breach) => breach.split(' ')[0]), [1, 2, 4, 6, 3].map((line) => `packages/agents/test/a.test.ts:${line}`));
  });

  test('accepts a reason in parentheses, or in a comment where the skip is kept', () => {
    const files = {
      'packages/agents/test/a.test.ts': `it.skip('a (needs parallel connections)', f);\ndescribe.skip.each([1])('b %s (needs a server)', f);\n(server ? it : it.skip)('c (needs a server)', f);\n// The embedded engine has one connection.\nconst onServer = server ? it : it.skip;\nonServer('d', f);\n\nconst onOther = server ? it : it.skip;\nonOther('e (needs a server)', f);\nstream.skip(1);`,
    };
    assert.deepEqual(found(skippedTests, files), []);
  });
});

describe('swallowed-errors', () => {
  test('refuses a catch that does nothing with the error', () => {
    const files = { 'apps/api/src/a.ts': 'try { a(); } catch {}\n\ntry { a(); } catch (error) { b(); }\n\na().catch(() => undefined);\na().catch((error) => b());' };
    assert.deepEqual(found(swallowedErrors, files), [
      'apps/api/src/a.ts:1 empty catch',
      'apps/api/src/a.ts:3 the error is neither used nor thrown',
      'apps/api/src/a.ts:5 the rejection is neither used nor thrown',
      'apps/api/src/a.ts:6 the rejection is neither used nor thrown',
    ]);
  });

  test('accepts use, a throw, and a comment that says why', () => {
    const files = {
      'apps/api/src/a.ts': `try { a(); } catch (error) { log(error); }
try { a(); } catch { throw new Invalid('x'); }
try { a(); } catch {
  // no such process: the lock is free
}
try { a(); } catch { return null; } // a proxy's own page
a().catch((error) => log(error));
// The next query reports it.
a().catch(() => undefined);
a().catch(report);`,
    };
    assert.deepEqual(found(swallowedErrors, files), []);
  });
});

describe('machine-paths', () => {
  const path = (...parts: string[]) => `/${parts.join('/')}/`;
  const host = (...parts: string[]) => parts.join('.');

  test('refuses places on one machine and registry hosts, in any file', () => {
    const files = { 'a.md': `see ${path('home', 'me')}x\n`, 'b.json': `"${path('Users', 'me')}"`, c: `\nfile:/${path('work', 'main')}`, 'd.yaml': host('registry', 'npmjs', 'org'), Dockerfile: host('deb', 'debian', 'org') };
    assert.deepEqual(found(machinePaths, files), [
      `Dockerfile:1 ${host('deb', 'debian', 'org')} is a registry host`,
      `a.md:1 ${path('home')} is a place on one machine`,
      `b.json:1 ${path('Users')} is a place on one machine`,
      `c:2 ${path('work')} is a place on one machine`,
      `d.yaml:1 ${host('registry', 'npmjs', 'org')} is a registry host`,
    ]);
  });

  test('accepts relative paths and URLs that only look like it', () => {
    const files = { 'a.md': `docs${path('work')}a.md, https://example.com${path('home')}, .${path('work')}x, /var/lib`, 'b.bin': `\0${path('home')}` };
    assert.deepEqual(found(machinePaths, files), []);
  });
});
