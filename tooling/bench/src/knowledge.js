import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gatherCollection } from './knowledge-collection.js';
import { QUESTIONS, rankOf, scoresOf } from './knowledge-questions.js';
import { machine, quantile, table } from './result.js';
import { openHive } from './soaks.js';

const ROOT = new URL('../../../', import.meta.url).pathname;
const MODES = ['text', 'vector', 'hybrid'];
const LIMIT = 10;
const EMBEDDING_PATIENCE_MS = 30 * 60_000;

/**
 * Imports the documentation of this repository's dependencies by the command line, waits until all of it is embedded by the
 * hive's own lexical embedder, and asks the questions by words, by nearness and by both, over HTTP.
 */
export async function knowledgeBench({ rounds }) {
  const directory = mkdtempSync(join(tmpdir(), 'hive-knowledge-'));
  const hive = await openHive('server');
  try {
    const files = gatherCollection(directory).length;
    const imported = await importInto(hive, directory);
    const embedded = await waitForVectors(hive);
    const result = { rounds, limit: LIMIT, questions: QUESTIONS.length, files, imported, embedded, rows: await ask(hive, rounds) };
    print(result);
    return result;
  } finally {
    await hive.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function importInto({ url, key }, directory) {
  const started = Date.now();
  const { stdout } = await promisify(execFile)(process.execPath, ['apps/cli/dist/main.js', 'knowledge', 'import', directory, '--category', 'dependencies', '--json'], { cwd: ROOT, env: { ...process.env, HIVE_URL: url, HIVE_KEY: key } });
  const { created, skipped, failed } = JSON.parse(stdout);
  return { created, skipped, failed, seconds: (Date.now() - started) / 1000 };
}

async function waitForVectors(hive) {
  const started = Date.now();
  for (;;) {
    const { body } = await hive.call('GET', '/v1/embedding-models');
    const { embedded = 0, pending = 1 } = body.items[0]?.progress ?? {};
    if (pending === 0 && embedded > 0) return { chunks: embedded, seconds: (Date.now() - started) / 1000 };
    if (Date.now() - started > EMBEDDING_PATIENCE_MS) throw new Error(`${pending} chunks still wait for their vectors`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** Every question in every mode, in turns, so that a noisy moment of the machine hits all alike. */
async function ask(hive, rounds) {
  const asked = new Map(MODES.map((mode) => [mode, { ranks: [], millis: [] }]));
  for (let round = 0; round < rounds; round++) {
    for (const question of QUESTIONS) {
      for (const mode of MODES) {
        const started = performance.now();
        const { status, text, body } = await hive.call('POST', '/v1/knowledge/search', { query: question.question, mode, limit: LIMIT });
        if (status !== 200) throw new Error(`search answered ${status}: ${text}`);
        asked.get(mode).millis.push(performance.now() - started);
        if (round === 0) asked.get(mode).ranks.push(rankOf(question, body.items.map((item) => item.title)));
      }
    }
  }
  const groups = { all: () => true, tuned: ({ half }) => half === 'tuned', 'held out': ({ half }) => half === 'held out', natural: ({ kind }) => kind === 'natural', identifier: ({ kind }) => kind === 'identifier', typo: ({ kind }) => kind === 'typo' };
  return Object.entries(groups).flatMap(([group, fits]) =>
    MODES.map((mode) => {
      const { ranks, millis } = asked.get(mode);
      const of = (values) => values.filter((_, i) => fits(QUESTIONS[i % QUESTIONS.length]));
      return { group, questions: of(ranks).length, mode, ...scoresOf(of(ranks)), p50Millis: quantile(of(millis), 0.5), p95Millis: quantile(of(millis), 0.95) };
    }),
  );
}

function print({ rounds, questions, files, imported, embedded, rows }) {
  const { processors, model, memoryGiB, node, commit } = machine();
  console.log(`\nknowledge: ${questions} questions to ${files} files, ${rounds} rounds; ${processors} x ${model}, ${memoryGiB} GiB, Node ${node}, commit ${commit}`);
  console.log(`imported: ${imported.created} documents in ${imported.seconds.toFixed(0)} s (${imported.skipped} empty, ${imported.failed} failed); embedded: ${embedded.chunks} chunks, ${embedded.seconds.toFixed(0)} s later\n`);
  const lines = rows.map(({ group, questions: count, mode, hit1, hit5, mrr, p50Millis, p95Millis }) => [group, count, mode, hit1.toFixed(3), hit5.toFixed(3), mrr.toFixed(3), p50Millis.toFixed(0), p95Millis.toFixed(0)]);
  for (const line of table([['questions', 'n', 'mode', 'hit@1', 'hit@5', 'MRR', 'p50 ms', 'p95 ms'], ...lines])) console.log(line);
}
