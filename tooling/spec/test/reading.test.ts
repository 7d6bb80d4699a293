import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseMatrix } from '../src/matrix.ts';
import { requiredRows } from '../src/requirement.ts';
import { referencesTo, rowsInTitle, rowsOf } from '../src/rows.ts';
import { titlesOf } from '../src/titles.ts';
import { waiversOf } from '../src/waivers.ts';
import { MATRIX } from './world.ts';

const matrix = parseMatrix(MATRIX);

describe('rows', () => {
  test('are read alone, in lists and in ranges', () => {
    assert.deepEqual(rowsOf('S4.17'), ['S4.17']);
    assert.deepEqual(rowsOf('S1.60, S2.75'), ['S1.60', 'S2.75']);
    assert.deepEqual(rowsOf('S3.9-S3.11,S1.1'), ['S3.9', 'S3.10', 'S3.11', 'S1.1']);
    assert.deepEqual(rowsInTitle('does this [S1.1] and that [S2.1, S2.3-S2.4] for [tenants] in S1.9'), ['S1.1', 'S2.1', 'S2.3', 'S2.4']);
  });

  test('are written again with three and more in a row as a range', () => {
    assert.deepEqual(referencesTo(['S1.1', 'S1.2', 'S1.3', 'S1.5', 'S1.6', 'S2.7']), ['S1.1-S1.3', 'S1.5', 'S1.6', 'S2.7']);
    assert.deepEqual(referencesTo([]), []);
  });

  test('are refused in other spellings, so that none is overlooked', () => {
    for (const list of ['S1.60 S2.75', 'S3.40-47', 'S3.40–S3.47', 'S3.47-S3.40', 'S3.40-S4.47', 'S3', '']) assert.throws(() => rowsOf(list), { name: 'BadReference' }, list);
    assert.throws(() => rowsInTitle('a [S1.1;S1.2]'), /rows are written S4\.17/);
  });
});

describe('the matrix', () => {
  test('is read with escaped bars', () => {
    assert.equal(matrix.size, 6);
    assert.deepEqual(matrix.get('S1.3'), { id: 'S1.3', domain: 'tasks', kind: 'column', item: 'status: a | b' });
  });

  test('is refused with a row twice or without a column', () => {
    assert.throws(() => parseMatrix(`${MATRIX}| S1.1 | agents | x | again |`), /repeats S1\.1/);
    assert.throws(() => parseMatrix('| S1.1 | agents | x |'), /has 3 columns/);
  });
});

describe('titles', () => {
  const read = (text: string) => titlesOf('a.test.ts', text).titles.map((title) => `${title.runs ? 'runs' : 'rests'} ${title.text}`);

  test('are read from every kind of test', () => {
    assert.deepEqual(read("it('a', f); test(`b`, f); it.each([1])('c %s', f); it.each`x`('d', f); it.concurrent('e', async () => {}); t.test('f', f); it.only('g', f);"), ['a', 'b', 'c %s', 'd', 'e', 'f', 'g'].map((title) => `runs ${title}`));
  });

  test('keep what is static of a template and of a sum', () => {
    assert.deepEqual(read("it(`a ${b} c`, f); it('d ' + e + ' f', f);"), ['runs a … c', 'runs d … f']);
  });

  test('of a group run when it holds a test that runs', () => {
    assert.deepEqual(read("describe('a', () => { it('b', f) }); describe('c', () => {}); describe('d', () => { it.skip('e', f) }); describe.each([1])('g', () => { for (const x of y) it(x, f) });"), ['runs a', 'runs b', 'rests c', 'rests d', 'rests e', 'runs g', 'runs …']);
  });

  test('of a test that is skipped, to do or expected to fail prove nothing', () => {
    assert.deepEqual(
      read("it.skip('a', f); xit('b', f); it.todo('c', f); it.failing('d', f); test('e', { skip: true }, f); test('f', { skip: !server }, f); describe.skip('g', () => { it('h', f) });"),
      ['rests a', 'rests b', 'rests c', 'rests d', 'rests e', 'runs f', 'rests g', 'rests h'],
    );
  });

  test('are known behind a variable or a condition, which CI meets on one of its engines', () => {
    assert.deepEqual(read("const onServer = server ? it : it.skip; onServer('a', f); (server ? describe : describe.skip)('b', () => { onServer('c', f) }); const never = it.skip; never('d', f);"), ['runs a', 'runs b', 'runs c', 'rests d']);
  });

  test('with rows in a call of another name are pointed at', () => {
    assert.deepEqual(titlesOf('a.test.ts', "\nscenario('a [S1.1]', () => {}); expect('[S1.1]').toBe(1); scenario('b', () => {});"), { titles: [], unknown: [2] });
  });

  test('in strings and comments are none', () => {
    assert.deepEqual(read("// it('a', f)\nconst text = `it('b', f)`;"), []);
  });
});

describe('waivers', () => {
  const never = (): never => assert.fail('no error expected');

  test('are lines of a decision record, plain or marked up', () => {
    const text = '# T\n\nWaives: S4.84, S4.151\n- **Waives:** S1.1-S1.3\n\nThis waives: nothing\n```\nWaives: S9.9\n```\n';
    assert.deepEqual(waiversOf(text, never), [{ rows: ['S4.84', 'S4.151'], line: 3 }, { rows: ['S1.1', 'S1.2', 'S1.3'], line: 4 }]);
  });

  test('of a rejected or superseded record are none', () => {
    for (const status of ['Rejected', 'Superseded by [0004](0004-x.md)']) assert.deepEqual(waiversOf(`## Status\n\n${status}\n\nWaives: S1.1\n`, never), []);
    assert.equal(waiversOf('## Status\n\nAccepted\n\nWaives: S1.1\n', never).length, 1);
  });

  test('that name no row are reported', () => {
    const errors: number[] = [];
    assert.deepEqual(waiversOf('\nWaives: the rest\n', (line) => errors.push(line)), []);
    assert.deepEqual(errors, [2]);
  });
});

describe('required rows', () => {
  const required = (text: string) => requiredRows(text, matrix).map(({ id, line }) => `${line} ${id}`);

  test('are rows, ranges and domains, with exceptions and comments', () => {
    assert.deepEqual(required('# closed\nS1.3\n\ndomain:agents except S1.2, S2.1-S2.2 # later\n'), ['2 S1.3', '4 S1.1']);
    assert.deepEqual(required('S2.1-S2.3 except S2.2\nS2.1'), ['1 S2.1', '1 S2.3']);
  });

  test('are refused when there is no such row or domain, or an exception that excepts nothing', () => {
    assert.throws(() => required('S1.1\nS1.9'), /line 2: there is no row S1\.9/);
    assert.throws(() => required('domain:agent'), /there is no domain agent; there are agents, tasks/);
    assert.throws(() => required('domain:agents except S1.3'), /S1\.3 is excepted from what does not hold it/);
    assert.throws(() => required('everything'), /names no row/);
  });
});
