/** A figure with the interval that holds the true value with 95 % confidence, and the samples it rests on. */
export interface Estimate {
  value: number;
  low: number;
  high: number;
  samples: number;
}

const Z_95 = 1.959964;

/**
 * The Wilson score interval of a proportion (E. B. Wilson, 1927), 95 %, which stays within 0..1 and is honest for few samples.
 * Null without a sample.
 */
export function wilson(successes: number, samples: number): { low: number; high: number } | null {
  if (samples <= 0) return null;
  const p = successes / samples;
  const z2 = Z_95 ** 2 / samples;
  const centre = (p + z2 / 2) / (1 + z2);
  const half = (Z_95 * Math.sqrt((p * (1 - p)) / samples + z2 / (4 * samples))) / (1 + z2);
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** A proportion with its Wilson score interval. Null without a sample. */
export function proportion(successes: number, samples: number): Estimate | null {
  const interval = wilson(successes, samples);
  return interval && { value: round(successes / samples), low: round(interval.low), high: round(interval.high), samples };
}

/** Two-sided 97.5 % quantiles of Student's t for 1 to 12 degrees of freedom; a wider table would never be reached by daily points of two weeks. */
const T_975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179];

/**
 * The slope per step of a series by least squares, with its 95 % interval by Student's t. Null below three points, since
 * two points always lie on a line.
 */
export function trend(series: readonly number[]): Estimate | null {
  const n = series.length;
  if (n < 3) return null;
  const meanX = (n - 1) / 2;
  const meanY = series.reduce((sum, y) => sum + y, 0) / n;
  const sxx = series.reduce((sum, _, x) => sum + (x - meanX) ** 2, 0);
  const slope = series.reduce((sum, y, x) => sum + (x - meanX) * (y - meanY), 0) / sxx;
  const residual = series.reduce((sum, y, x) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  const half = (T_975[n - 3] ?? Z_95) * Math.sqrt(residual / (n - 2) / sxx);
  return { value: round(slope), low: round(slope - half), high: round(slope + half), samples: n };
}

/** Four decimals: more would claim a precision that the samples do not have. */
export const round = (value: number): number => Math.round(value * 1e4) / 1e4;
