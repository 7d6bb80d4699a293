/** 97.5th percentile of the normal distribution: an interval of 95 %. */
const Z = 1.959964;

/** Wilson score interval of a rate (Wilson 1927), 95 %; null when nothing was counted. */
export function wilson(helpful: number, used: number): { low: number; high: number } | null {
  if (used === 0) return null;
  const rate = helpful / used;
  const spread = Z * Math.sqrt((rate * (1 - rate) + (Z * Z) / (4 * used)) / used);
  const centre = rate + (Z * Z) / (2 * used);
  const scale = 1 + (Z * Z) / used;
  return { low: Math.max(0, (centre - spread) / scale), high: Math.min(1, (centre + spread) / scale) };
}
