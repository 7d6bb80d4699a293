import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countTests, judge } from './count-tests.js';

const log = (...lines) => lines.join('\n');

test('adds up the packages of a turbo run', () => {
  const text = log(
    '@agent-hive/kernel:test: Test Suites: 2 passed, 2 total',
    '@agent-hive/kernel:test: Tests:       1 skipped, 11 passed, 12 total',
    '@agent-hive/audit:test: Test Suites: 1 failed, 1 passed, 2 total',
    '@agent-hive/audit:test: Tests:       1 failed, 2 passed, 3 total',
    ' Tasks:    1 successful, 2 total',
    'Failed:    @agent-hive/audit#test',
  );
  assert.deepEqual(countTests(text), { passed: 13, failed: 1 });
});

test('keeps packages apart when their lines interleave', () => {
  const text = log(
    '@agent-hive/kernel:test: Test Suites: 1 failed, 1 total',
    '@agent-hive/audit:test: Test Suites: 1 passed, 1 total',
    '@agent-hive/audit:test: Tests:       5 passed, 5 total',
    '@agent-hive/kernel:test: Tests:       0 total',
  );
  assert.deepEqual(countTests(text), { passed: 5, failed: 1 });
});

test('counts a file that could not be loaded as a failed test', () => {
  assert.deepEqual(countTests(log('Test Suites: 1 failed, 2 passed, 3 total', 'Tests:       7 passed, 7 total')), { passed: 7, failed: 1 });
});

test('does not count a failed file twice when it names its failed tests', () => {
  assert.deepEqual(countTests(log('Test Suites: 1 failed, 1 total', 'Tests:       3 failed, 4 passed, 7 total')), { passed: 4, failed: 3 });
});

test('reads through colours, carriage returns and hyperlinks', () => {
  const text = log(
    '\u001b[36m@agent-hive/kernel:test: \u001b[0m\u001b[1mTests:       \u001b[22m\u001b[1m\u001b[31m1 failed\u001b[39m\u001b[22m, \u001b[32m2 passed\u001b[39m, 3 total\r',
    '\u001b]8;;https://example.com\u0007link\u001b]8;;\u0007',
    '\u001b[34mℹ pass 4\u001b[39m',
    '\u001b[34mℹ fail 0\u001b[39m',
  );
  assert.deepEqual(countTests(text), { passed: 6, failed: 1 });
});

test('counts node --test in both of its formats, cancelled tests as failed', () => {
  const tap = log('# tests 6', '# suites 0', '# pass 4', '# fail 1', '# cancelled 1', '# skipped 0', '# todo 0');
  const spec = log('@agent-hive/tidy:test: ℹ tests 3', '@agent-hive/tidy:test: ℹ pass 3', '@agent-hive/tidy:test: ℹ fail 0');
  assert.deepEqual(countTests(log(tap, spec)), { passed: 7, failed: 2 });
});

test('counts the server tests, whose task has a colon in its name', () => {
  assert.deepEqual(countTests('@agent-hive/kernel:test:server: Tests:       9 passed, 9 total'), { passed: 9, failed: 0 });
});

test('is not fooled by lines that only mention tests', () => {
  const text = log('  ✓ prints Tests: 3 passed, 3 total', 'console.log # pass 9', '# Subtest: pass 3', 'Tests: 3 passed', '# pass 3 of them');
  assert.deepEqual(countTests(text), { passed: 0, failed: 0 });
});

test('counts at least one failure for a run that failed, or in which nothing ran', () => {
  assert.deepEqual(judge(1, 'Tests:       2 passed, 2 total'), { passed: 2, failed: 1 });
  assert.deepEqual(judge(1, 'Tests:       3 failed, 2 passed, 5 total'), { passed: 2, failed: 3 });
  assert.deepEqual(judge(0, 'No tests found'), { passed: 0, failed: 1 });
  assert.deepEqual(judge(0, 'Tests:       2 passed, 2 total'), { passed: 2, failed: 0 });
});
