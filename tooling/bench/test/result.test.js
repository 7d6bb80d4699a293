import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, table } from '../src/result.js';

test('the median of odd and even numbers of values, in any order', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.throws(() => median([]), /no values/);
});

test('a table has aligned columns', () => {
  assert.deepEqual(table([['name', 'n'], ['a', 5], ['long name', 12]]), ['name       n', 'a           5', 'long name  12']);
});
