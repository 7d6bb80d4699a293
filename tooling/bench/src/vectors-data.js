/** Dimensions of the vectors, those that models of the hive have an index for. */
export const DIMENSIONS = 1536;
/** One in so many vectors is of a cluster, so a filter by cluster keeps 1 %. */
export const CLUSTERS = 100;
/** Each cluster has so many parts, so a filter by part keeps 0.1 %. */
export const PARTS = 10;

/** Directions in which the vectors of a cluster differ: as with real embeddings, far fewer than dimensions. */
const SPREAD_DIRECTIONS = 32;
const SPREAD = 0.9;
const NOISE = 0.2;
/** What all vectors have in common: those of texts that have nothing to do with each other are nearer than at right angles too. */
const COMMON = 0.6;
const SEED = 20260101;

/** Uniform in [0, 1): mulberry32, the same numbers for the same seed. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Normally distributed numbers, by Box and Muller. */
const normal = (uniform) => () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

function unit(values) {
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

/**
 * Clustered vectors of length 1: `vectorOf(n)` is the nth, the same on every machine; it is of cluster n % CLUSTERS and of that
 * cluster's part ⌊n / CLUSTERS⌋ % PARTS. `queryOf(n)` is one near cluster n % CLUSTERS that is none of them.
 */
export function clusteredVectors() {
  const gauss = normal(random(SEED));
  const direction = () => unit(Float64Array.from({ length: DIMENSIONS }, gauss));
  const common = direction();
  const centers = Array.from({ length: CLUSTERS }, () => unit(direction().map((value, i) => value + COMMON * common[i])));
  const spread = Array.from({ length: SPREAD_DIRECTIONS }, direction);
  const near = (cluster, next) => {
    const values = Float64Array.from(centers[cluster], (value) => value + (NOISE / Math.sqrt(DIMENSIONS)) * next());
    for (const along of spread) {
      const amount = (SPREAD / Math.sqrt(SPREAD_DIRECTIONS)) * next();
      for (let i = 0; i < DIMENSIONS; i++) values[i] += amount * along[i];
    }
    return unit(values);
  };
  const cosine = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  return {
    vectorOf: (n) => near(n % CLUSTERS, normal(random(SEED + 1 + n))),
    queryOf: (n) => near(n % CLUSTERS, normal(random(-1 - n))),
    /** The cluster whose center is farthest from that of this one. */
    farFrom: (cluster) => centers.map((center, i) => ({ i, cosine: cosine(centers[cluster], center) })).sort((a, b) => a.cosine - b.cosine)[0].i,
  };
}

export const clusterOf = (n) => `c${n % CLUSTERS}`;
export const partOf = (n) => `${clusterOf(n)}-${Math.floor(n / CLUSTERS) % PARTS}`;

/** Vectors as the binary form of a vector[]: four bytes a value, without which a hundred thousand take minutes to send. */
export function binaryVectors(vectors, elementOid) {
  const size = 4 + 4 + DIMENSIONS * 4;
  const bytes = Buffer.alloc(20 + vectors.length * size);
  for (const [i, value] of [1, 0, elementOid, vectors.length, 1].entries()) bytes.writeInt32BE(value, i * 4);
  for (const [i, vector] of vectors.entries()) {
    const start = 20 + i * size;
    bytes.writeInt32BE(4 + DIMENSIONS * 4, start);
    bytes.writeInt16BE(DIMENSIONS, start + 4);
    for (let d = 0; d < DIMENSIONS; d++) bytes.writeFloatBE(vector[d], start + 8 + d * 4);
  }
  return bytes;
}
