import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const main = new URL('../main.js', import.meta.url).pathname;
const repository = new URL('../../../', import.meta.url).pathname;
let root;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'new-domain-'));
  for (const file of ['package.json', 'nest-cli.json', 'tsconfig.json', 'tsconfig.build.json', 'jest.config.js', 'eslint.config.js', 'src/orm.ts']) {
    cpSync(join(repository, 'packages/agents', file), join(root, 'packages/agents', file));
  }
});
after(() => rmSync(root, { recursive: true }));
const run = (...args) => spawnSync(process.execPath, [main, '--root', root, ...args], { encoding: 'utf8' });

test('writes a package in the manner of agents, once', () => {
  const made = run('billing');
  assert.equal(made.status, 0, made.stderr);
  const manifest = JSON.parse(readFileSync(join(root, 'packages/billing/package.json'), 'utf8'));
  assert.equal(manifest.name, '@agent-hive/billing');
  assert.equal(manifest.dependencies['@agent-hive/agents'], 'workspace:*');
  assert.match(readFileSync(join(root, 'packages/billing/src/orm.ts'), 'utf8'), /upstream: \[agentsDomain\]/);
  assert.ok(existsSync(join(root, 'packages/billing/test/schema.test.ts')));
  const again = run('billing');
  assert.deepEqual([again.status, again.stderr.trim()], [2, 'packages/billing exists']);
});

for (const [what, args] of [['no name', []], ['a name that is no schema', ['My-Domain']], ['an upstream that is no domain', ['other', '--upstream', 'nothing']]]) {
  test(`refuses ${what}`, () => assert.equal(run(...args).status, 2));
}
