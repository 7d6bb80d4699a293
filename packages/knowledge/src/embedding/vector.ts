/** A list of numbers is no vector of a model. The message says why. */
export class NoVector extends Error {
  override readonly name = 'NoVector';
}

/** The vector in the direction of the values, of length 1, so that no value is beyond half precision. Throws NoVector unless there are as many as the model has dimensions, all finite, not all 0. */
export function unitVector(values: unknown, dimensions: number): number[] {
  if (!Array.isArray(values)) throw new NoVector('is no list of numbers');
  if (values.length !== dimensions) throw new NoVector(`has ${values.length} dimensions, and the model has ${dimensions}`);
  // Loops, since every search comes by here: callbacks take ten times as long.
  let largest = 0;
  for (let i = 0; i < dimensions; i++) {
    const value: unknown = values[i];
    if (typeof value !== 'number' || !Number.isFinite(value)) throw new NoVector('has a value that is no finite number');
    if (Math.abs(value) > largest) largest = Math.abs(value);
  }
  if (largest === 0) throw new NoVector('has no direction: every value is 0');
  // Divided by the largest first: squares of large values would be infinite, of small ones 0.
  const numbers = values as number[];
  let sum = 0;
  for (let i = 0; i < dimensions; i++) sum += (numbers[i]! / largest) ** 2;
  const length = Math.sqrt(sum);
  return numbers.map((value) => value / largest / length);
}

/** A vector as pgvector reads it; seven digits are more than half precision has. */
export const vectorText = (vector: readonly number[]): string => `[${vector.map((value) => value.toPrecision(7)).join(',')}]`;

/** How a driver asks a value for its form: pg takes bytes, and sends them as they are; PGlite takes a text. */
export interface VectorParameter {
  toPostgres(): Buffer;
  toString(): string;
}

/**
 * A vector of length 1 as the parameter of a statement, which must say that it is a halfvec. To a server it goes as pgvector keeps
 * it, two bytes a value after the number of dimensions and two bytes that say nothing: written and read in a hundredth of the time of the text.
 */
export const halfVector = (vector: readonly number[]): VectorParameter => ({ toPostgres: () => halfBytes(vector), toString: () => vectorText(vector) });

function halfBytes(vector: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 + vector.length * 2);
  bytes.writeUInt16BE(vector.length, 0);
  bytes.writeUInt16BE(0, 2);
  const singles = new Uint32Array(Float32Array.from(vector).buffer);
  for (let i = 0; i < singles.length; i++) {
    const half = halfOf(singles[i]!);
    bytes[4 + i * 2] = half >>> 8;
    bytes[5 + i * 2] = half & 0xff;
  }
  return bytes;
}

/** The bits of a number in half precision, by those in single precision, to the nearest and of two such to the even one (IEEE 754). For -1 to 1. */
function halfOf(single: number): number {
  const sign = (single >>> 16) & 0x8000;
  const exponent = ((single >>> 23) & 0xff) - 112;
  // Below 2^-14, halves lie evenly: the leading 1 is written out, and shifted to its place.
  const isSmall = exponent <= 0;
  const shift = isSmall ? Math.min(14 - exponent, 31) : 13;
  const digits = isSmall ? (single & 0x7fffff) | 0x800000 : single & 0x7fffff;
  const half = (isSmall ? 0 : exponent << 10) + (digits >>> shift);
  const rest = digits & (2 ** shift - 1);
  const middle = 2 ** (shift - 1);
  return sign | (rest > middle || (rest === middle && half % 2 === 1) ? half + 1 : half);
}
