import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inLoops } from '../src/tasks-loops.js';
import { statementOf } from '../src/tasks-statements.js';
import { sql } from 'kysely';

test('loops run for their time, count all that they did, and end early where nothing is left', async () => {
  let left = 100;
  const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
  const sample = await inLoops(4, 60, async (_loop, time) => {
    await time('pause', pause());
    return left > 0 ? left-- && 1 : 0;
  });
  assert.equal(sample.count, 100);
  assert.ok(sample.perSecond > 50 && sample.perSecond <= 900, `${sample.perSecond} a second of four loops with pauses of 5 ms`);
  assert.ok(sample.phasesMicros.pause >= 5_000);
  await assert.rejects(inLoops(2, 1, async () => 0), /nothing was done/);
});

test('a statement is recorded with the places of what changes', async () => {
  const now = new Date();
  const find = (db) => sql`select ${'tenant'}::text, ${now}::timestamptz, ${'[{}]'}::json, ${now}::timestamptz`.execute(db);
  const query = await statementOf('find', find, { now: (value) => value instanceof Date, rows: (value) => value === '[{}]' });
  const later = new Date(0);
  assert.deepEqual(query({ now: later, rows: '[]' }), { name: 'find', text: 'select $1::text, $2::timestamptz, $3::json, $4::timestamptz', values: ['tenant', later, '[]', later] });
  await assert.rejects(statementOf('find', find, { other: () => false }), /find has no parameter other/);
  await assert.rejects(statementOf('twice', async (db) => { await find(db); await find(db); }, {}), /sends 2 statements/);
});
