import { halfVector } from '../src/embedding/vector.js';

describe('a vector as a parameter', () => {
  it.each<[string, number, string]>([
    ['one', 1, '3c00'],
    ['minus one', -1, 'bc00'],
    ['nothing', 0, '0000'],
    ['a half', 0.5, '3800'],
    ['a third', 1 / 3, '3555'],
    ['up to the next power of two', 0.99999, '3c00'],
    ['between two, to the even one below', 0.5 + 2 ** -12, '3800'],
    ['between two, to the even one above', 0.5 + 3 * 2 ** -12, '3802'],
    ['the smallest with all its digits', 2 ** -14, '0400'],
    ['less than that', 3 * 2 ** -16, '0300'],
    ['up to the smallest with all its digits', 2 ** -14 - 2 ** -26, '0400'],
    ['the smallest of all', -(2 ** -24), '8001'],
    ['between two of the smallest', 1.5 * 2 ** -24, '0002'],
    ['half of the smallest', 2 ** -25, '0000'],
    ['next to nothing', 1e-30, '0000'],
  ])('has %s in half precision', (_, value, half) => {
    expect(halfVector([value, 1]).toPostgres().toString('hex')).toBe(`00020000${half}3c00`);
  });

  it('is a text where bytes cannot be sent', () => {
    expect(String(halfVector([0.5, -0.25]))).toBe('[0.5000000,-0.2500000]');
  });
});
