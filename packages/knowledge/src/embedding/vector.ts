/** A list of numbers is no vector of a model. The message says why. */
export class NoVector extends Error {
  override readonly name = 'NoVector';
}

/** The vector in the direction of the values, of length 1, so that no value is beyond half precision. Throws NoVector unless there are as many as the model has dimensions, all finite, not all 0. */
export function unitVector(values: unknown, dimensions: number): number[] {
  if (!Array.isArray(values)) throw new NoVector('is no list of numbers');
  if (values.length !== dimensions) throw new NoVector(`has ${values.length} dimensions, and the model has ${dimensions}`);
  let largest = 0;
  for (const value of values as unknown[]) {
    if (typeof value !== 'number' || !Number.isFinite(value)) throw new NoVector('has a value that is no finite number');
    largest = Math.max(largest, Math.abs(value));
  }
  if (largest === 0) throw new NoVector('has no direction: every value is 0');
  // Divided by the largest first: squares of large values would be infinite, of small ones 0.
  const scaled = (values as number[]).map((value) => value / largest);
  const length = Math.sqrt(scaled.reduce((sum, value) => sum + value * value, 0));
  return scaled.map((value) => value / length);
}

/** A vector as pgvector reads it; seven digits are more than half precision has. */
export const vectorText = (vector: readonly number[]): string => `[${vector.map((value) => value.toPrecision(7)).join(',')}]`;
