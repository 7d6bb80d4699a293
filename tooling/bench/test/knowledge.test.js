import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gatherCollection } from '../src/knowledge-collection.js';
import { QUESTIONS, rankOf, scoresOf } from '../src/knowledge-questions.js';

test('the collection is large, the same each time, and has the answers of all questions', () => {
  const directory = mkdtempSync(join(tmpdir(), 'hive-collection-'));
  try {
    const paths = gatherCollection(directory);
    assert.ok(paths.length >= 2000, `${paths.length} files`);
    assert.equal(new Set(paths).size, paths.length);
    assert.deepEqual(gatherCollection(directory), paths);
    const unproven = QUESTIONS.flatMap(({ question, answers, evidence }) => answers.filter((path) => !paths.includes(path) || !new RegExp(evidence).test(readFileSync(join(directory, path), 'utf8'))).map((path) => `${question}: ${path}`));
    assert.deepEqual(unproven, []);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('there are questions of every kind in both halves, each once', () => {
  assert.ok(QUESTIONS.length >= 60);
  assert.equal(new Set(QUESTIONS.map(({ question }) => question)).size, QUESTIONS.length);
  for (const half of ['tuned', 'held out']) for (const kind of ['natural', 'identifier', 'typo']) assert.ok(QUESTIONS.some((question) => question.half === half && question.kind === kind), `${half} ${kind}`);
});

test('ranks and what they come to', () => {
  assert.equal(rankOf({ answers: ['b', 'c'] }, ['a', 'c', 'b']), 2);
  assert.equal(rankOf({ answers: ['d'] }, ['a']), null);
  assert.deepEqual(scoresOf([1, 4, 10, null]), { hit1: 0.25, hit5: 0.5, mrr: (1 + 1 / 4 + 1 / 10) / 4 });
  assert.throws(() => scoresOf([]), /no questions/);
});
