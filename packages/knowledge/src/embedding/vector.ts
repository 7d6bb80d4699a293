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
  const halves = new Float16Array(new Float32Array(vector)); // by way of single precision, as the server reads a text
  const bytes = Buffer.alloc(4 + halves.byteLength);
  bytes.writeUInt16BE(vector.length, 0);
  Buffer.from(halves.buffer).swap16().copy(bytes, 4);
  return bytes;
}
