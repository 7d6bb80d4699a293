import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spec, statuses } from './world.ts';

const TESTS = {
  'packages/agents/test/agents.test.ts': "describe('agents [S1.1]', () => {\n  it('has a name [S1.2]', f);\n});\n",
  'packages/agents/src/agent/name.test.ts': "it('trims [S1.2]', f);",
  'apps/api/test/journey.test.ts': "it.skip('not yet (needs a server) [S2.1]', f);",
  'docs/adr/0001-no-number.md': '# No number\n\nWaives: S2.3\n',
};

test('prints a table per domain, and what nothing has closed yet', () => {
  const run = spec(TESTS);
  assert.equal(
    run.out,
    'domain           total  proven  waived    open\n' +
      'agents               4       2       0       2\n' +
      'tasks                2       0       1       1\n' +
      'all                  6       2       1       3\n' +
      '\nnot closed yet\n' +
      'agents        S2.1, S2.2\n' +
      'tasks         S1.3\n',
  );
  assert.equal(run.err, '');
  assert.equal(run.code, 0);
});

test('finds tests of packages, apps and tooling, and no others', () => {
  const titled = (id: string) => `it('a [${id}]', f);`;
  const files = {
    'packages/agents/test/deep/a.test.ts': titled('S1.1'),
    'packages/agents/src/a/b.test.ts': titled('S1.2'),
    'tooling/x/test/a.test.js': titled('S2.1'),
    'packages/agents/src/a.ts': titled('S1.3'),
    'packages/agents/node_modules/x/test/a.test.ts': titled('S2.2'),
    'packages/agents/test/node_modules/a.test.ts': titled('S2.3'),
  };
  assert.deepEqual(statuses(files), { 'S1.1': 'proven', 'S1.2': 'proven', 'S2.1': 'proven' });
});

test('lists rows of a domain, and the open ones', () => {
  const list = (...args: string[]) => spec(TESTS, ...args).out.split('\n\n')[1]!.trim().split('\n');
  assert.deepEqual(list('--domain', 'tasks'), ['S1.3    open    tasks         column      status: a | b', 'S2.3    waived  tasks         number      < 100 ms  <- docs/adr/0001-no-number.md:3']);
  assert.deepEqual(list('--open').map((line) => line.split(' ')[0]), ['S1.3', 'S2.1', 'S2.2']);
  assert.deepEqual(list('--open', '--domain', 'agents').map((line) => line.split(' ')[0]), ['S2.1', 'S2.2']);
  assert.match(spec(TESTS, '--domain', 'agent').err, /there is no domain agent; there are agents, tasks/);
});

test('prints JSON with the places', () => {
  const { all, rows } = JSON.parse(spec(TESTS, '--json', '--domain', 'agents').out) as { all: unknown; rows: Record<string, unknown>[] };
  assert.deepEqual(all, { domain: 'all', total: 6, proven: 2, waived: 1, open: 3 });
  assert.equal(rows.length, 4);
  assert.deepEqual(rows[1], {
    id: 'S1.2', domain: 'agents', kind: 'column', item: 'name', status: 'proven', waivedBy: [],
    provenBy: [
      { file: 'packages/agents/src/agent/name.test.ts', line: 1, text: 'trims [S1.2]' },
      { file: 'packages/agents/test/agents.test.ts', line: 2, text: 'has a name [S1.2]' },
    ],
  });
});

test('prints one row and where it is proven or waived', () => {
  const proven = spec(TESTS, '--row', 'S1.1');
  assert.equal(proven.out, 'S1.1 (agents, entity): agents\nstatus: proven\nproven by packages/agents/test/agents.test.ts:1 agents [S1.1]\n');
  assert.match(spec(TESTS, '--row', 'S2.3').out, /waived by docs\/adr\/0001-no-number\.md:3 No number/);
  const unknown = spec(TESTS, '--row', 'S9.9');
  assert.match(unknown.err, /there is no row S9\.9/);
  assert.equal(unknown.code, 1);
});

test('refuses titles and decision records that name no row', () => {
  const cases = {
    'there is no row S1.9 in the matrix': { 'packages/a/test/a.test.ts': "it.skip('a (why) [S1.9]', f);" },
    'there is no row S3.4 in the matrix': { 'docs/adr/0002-a.md': 'Waives: S3.4\n' },
    '"S1.1 S1.2" names no row': { 'packages/a/test/a.test.ts': "it('a [S1.1 S1.2]', f);" },
    '"everything" names no row': { 'docs/adr/0002-a.md': 'Waives: everything\n' },
  };
  for (const [message, files] of Object.entries(cases)) {
    const run = spec({ ...TESTS, ...files });
    assert.ok(run.err.includes(`${Object.keys(files)[0]}:1: ${message}`), run.err);
    assert.equal(run.code, 1);
  }
});

test('warns of a row both proven and waived, and of rows in a call it does not know', () => {
  const run = spec({ ...TESTS, 'docs/adr/0002-a.md': 'Waives: S1.1\n', 'packages/a/test/a.test.ts': "scenario('a [S1.3]', () => {});" });
  assert.match(run.err, /warning: S1\.1 is waived in docs\/adr\/0002-a\.md:1 and proven in packages\/agents\/test\/agents\.test\.ts:1/);
  assert.match(run.err, /warning: packages\/a\/test\/a\.test\.ts:1: a title with rows, in a call that is not known as a test/);
  assert.equal(run.code, 0);
});

test('requires closed rows to stay closed', () => {
  const closed = (text: string) => spec({ ...TESTS, 'spec/closed.txt': text }, '--require', 'spec/closed.txt');
  const kept = closed('S1.1-S1.2\nS2.3 # waived\n');
  assert.match(kept.err, /all 3 rows of spec\/closed\.txt are proven or waived/);
  assert.equal(kept.code, 0);
  const lost = closed('S1.1\n\ndomain:agents except S2.2\n');
  assert.equal(lost.err, 'error: spec/closed.txt:3: S2.1 is open (a test whose title has [S2.1], or a decision record with the line "Waives: S2.1"): one\n');
  assert.equal(lost.code, 1);
  assert.equal(closed('').code, 0);
  const wrong = closed('S9.9\n');
  assert.match(wrong.err, /spec\/closed\.txt line 1: there is no row S9\.9/);
  assert.equal(wrong.code, 1);
  const missing = spec(TESTS, '--require', 'spec/none.txt');
  assert.match(missing.err, /there is no spec\/none\.txt/);
  assert.equal(missing.code, 1);
});

test('knows nothing without tests and decision records, and fails without a matrix', () => {
  assert.deepEqual(statuses({}), {});
  assert.equal(spec({ 'spec/acceptance-matrix.md': '| S1.1 | agents |' }).code, 1);
});
