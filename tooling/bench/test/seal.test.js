import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sealBench } from '../src/seal.js';
import { lagsOf } from '../src/seal-lag.js';

const TURNS = [{ size: 2, endedAt: 1_000 }, { size: 2, endedAt: 1_500 }, { size: 5, endedAt: 2_000 }];

test('a leaf was on its way until the first turn that covers it ended', () => {
  const leaves = [{ sequence: 2, occurredAt: 700 }, { sequence: 3, occurredAt: 1_100 }, { sequence: 5, occurredAt: 1_999 }];
  assert.deepEqual(lagsOf(leaves, TURNS), [300, 900, 1]);
});

test('a leaf that no turn covers is a failure, not a gap in the figures', () => {
  assert.throws(() => lagsOf([{ sequence: 5, occurredAt: 0 }, { sequence: 6, occurredAt: 0 }], TURNS), /no turn has sealed leaf 6/);
  assert.throws(() => lagsOf([{ sequence: 1, occurredAt: 0 }], []), /leaf 1/);
});

test('a log too small to have a checkpoint in its middle is refused before a database is made', async () => {
  await assert.rejects(sealBench({ rounds: 1, seconds: 1, writers: 1, entries: 4_000, sections: ['verify'] }), /--entries 4000: it takes more than 4000/);
});
