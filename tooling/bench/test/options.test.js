import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from '../src/options.js';

const DEFAULTS = { rounds: 3, loops: [1, 10], only: ['plain', 'service'] };

test('what is not given is as usual, and the default says what may be given', () => {
  assert.deepEqual(readOptions({}, DEFAULTS), DEFAULTS);
  assert.deepEqual(readOptions({ rounds: '5', loops: '1,40', only: 'service' }, DEFAULTS), { rounds: 5, loops: [1, 40], only: ['service'] });
});

test('what cannot be is refused with what is accepted', () => {
  assert.throws(() => readOptions({ rounds: '0' }, DEFAULTS), /--rounds 0: it takes a positive whole number/);
  assert.throws(() => readOptions({ rounds: '1,2' }, DEFAULTS), /--rounds 1,2/);
  assert.throws(() => readOptions({ loops: '1,x' }, DEFAULTS), /--loops 1,x/);
  assert.throws(() => readOptions({ only: 'plain,other' }, DEFAULTS), /some of plain,service/);
  assert.throws(() => readOptions({ seconds: '1' }, DEFAULTS), /--seconds is no option of this bench; it has --rounds/);
});
