/*
 * DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees",
 * PVLDB 12, 2019), without the collapsing of bins.
 *
 * A value v falls into bin i = ceil(ln |v| / ln GAMMA), which holds what lies in (GAMMA^(i-1), GAMMA^i]; the bin answers for all of
 * it with 2 GAMMA^i / (GAMMA + 1), at most RELATIVE_ERROR away from any of them. Sketches merge by adding up the counts of their
 * bins, so a percentile of a merged sketch is as good as one of the values themselves. The database fills and merges the
 * bins (metric.sql.ts), the service reads them.
 *
 *   key of a bin   ... -(OFFSET + i) ...   0   ... OFFSET + i ...      in the order of the values
 *                      negative values    zero    positive values
 */

/** How far a percentile may be from the value that it stands for, as a part of that value. */
export const RELATIVE_ERROR = 0.01;

const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);

/** Divides the logarithm of a value into bins. */
export const LN_GAMMA = Math.log(GAMMA);

/** Largest value, either way from zero, that a metric may have: sums of any number of them stay finite. */
export const VALUE_MAX = 1e100;

/** Values nearer to zero than this count as zero. */
export const ZERO_BELOW = 1e-100;

/** Added to the number of each bin, so that the sign of its key is that of its values: more than the number of any bin, which lies within ±11,513. */
export const OFFSET = 12_000;

/** The value that the bin of a key answers with. */
export function valueOf(key: number): number {
  if (key === 0) return 0;
  return (Math.sign(key) * 2 * Math.exp((Math.abs(key) - OFFSET) * LN_GAMMA)) / (GAMMA + 1);
}
