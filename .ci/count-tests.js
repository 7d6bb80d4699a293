/**
 * Counts the tests that a log tells of: Jest's `Tests:` line of each package, and the closing counts of `node --test`.
 *
 *   node .ci/count-tests.js EXIT_CODE LOG      prints `PASSED FAILED`
 *
 * Runs on any Node from 18 on, before anything is installed.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Control sequences (colours, cursor) and operating system commands (links, titles), as terminals know them.
const ANSI = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\))/g;
/** What turbo puts before each line of a task, such as `@agent-hive/kernel:test: `. */
const TASK = /^(?:[@\w./-]+:[\w:.-]+: )?/;
const JEST_SUITES = /^Test Suites: +(.*) total$/;
const JEST_TESTS = /^Tests: +(?:(.*), )?\d+ total$/;
const NODE_COUNT = /^[#ℹ] (pass|fail|cancelled) (\d+)$/;

const figure = (summary, what) => Number(new RegExp(`(\\d+) ${what}`).exec(summary ?? '')?.[1] ?? 0);

/** Tests passed and failed in a log. A file that Jest could not even load counts as one failed test. */
export function countTests(log) {
  const failedSuites = new Map();
  let passed = 0;
  let failed = 0;
  for (const raw of log.replace(ANSI, '').split(/\r?\n|\r/)) {
    const [task] = TASK.exec(raw);
    const line = raw.slice(task.length).trimEnd();
    const suites = JEST_SUITES.exec(line);
    const tests = JEST_TESTS.exec(line);
    const node = NODE_COUNT.exec(line);
    if (suites) failedSuites.set(task, figure(suites[1], 'failed'));
    if (tests) {
      passed += figure(tests[1], 'passed');
      failed += Math.max(figure(tests[1], 'failed'), failedSuites.get(task) ?? 0);
      failedSuites.delete(task);
    }
    if (node?.[1] === 'pass') passed += Number(node[2]);
    else if (node) failed += Number(node[2]);
  }
  return { passed, failed };
}

/** What a run of tests counts for: its own figures, and at least one failure when it failed or when nothing ran. */
export function judge(exitCode, log) {
  const { passed, failed } = countTests(log);
  const mustFail = exitCode !== 0 || passed + failed === 0;
  return { passed, failed: mustFail ? Math.max(failed, 1) : failed };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [exitCode, path] = process.argv.slice(2);
  const { passed, failed } = judge(Number(exitCode), readFileSync(path, 'utf8'));
  console.log(`${passed} ${failed}`);
}
