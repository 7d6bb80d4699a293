import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rules } from '../src/rules/index.ts';
import { inRepository, manifest, type Files } from './world.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');

const tidy = (files: Files, ...more: string[]) => inRepository(files, (root) => spawnSync(process.execPath, [MAIN, '--root', root, ...more], { encoding: 'utf8' }));

test('prints each breach with what would be accepted, then the sum, and exits 1', () => {
  const run = tidy({ 'apps/api/src/a.ts': '// FIXME\n', 'packages/agents/src/b.ts': 'x as any;\n' });
  assert.equal(
    run.stdout,
    'apps/api/src/a.ts:1 leftover-comments FIXME (the repair)\n' +
      'packages/agents/src/b.ts:1 leftover-code as any (a type that fits, or unknown and a check)\n' +
      `tidy: 2 files, ${rules.length} rules, 2 breaches\n`,
  );
  assert.equal(run.status, 1);
});

test('exits 0 with nothing to say, in an empty directory too, and over a mere warning', () => {
  const empty = tidy({});
  assert.equal(empty.stdout, `tidy: 0 files, ${rules.length} rules, 0 breaches\n`);
  assert.equal(empty.status, 0);
  const warned = tidy({ 'apps/api/src/a.ts': '// a\n'.repeat(260) });
  assert.match(warned.stdout, /^apps\/api\/src\/a\.ts:251 file-size warning: 260 lines .*\ntidy: 1 files, \d+ rules, 0 breaches\n$/);
  assert.equal(warned.status, 0);
});

test('runs one rule by name, and refuses a name that is none', () => {
  const files = { 'packages/agents/package.json': manifest('agents'), 'packages/agents/src/a.ts': '// FIXME\n' };
  assert.match(tidy(files, '--rule', 'package-readme').stdout, /^packages\/agents\/README\.md:1 [^\n]*\ntidy: 2 files, 1 rules, 1 breaches\n$/);
  const run = tidy(files, '--rule', 'nothing');
  assert.match(run.stderr, /no rule nothing; there are declared-edges, /);
  assert.equal(run.status, 1);
});

test('every rule has its own file, is on the list, and is tested by name', () => {
  const files = readdirSync(join(import.meta.dirname, '../src/rules')).filter((file) => file !== 'index.ts');
  assert.deepEqual(rules.map((rule) => `${rule.name}.ts`).sort(), files.sort());
  const tests = readdirSync(import.meta.dirname).map((file) => readFileSync(join(import.meta.dirname, file), 'utf8')).join('\n');
  for (const { name } of rules) assert.ok(tests.includes(`describe('${name}', `), `no test of ${name}`);
});
