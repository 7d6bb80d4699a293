import { hash } from 'node:crypto';

/*
 * The Merkle tree of RFC 6962 (section 2.1). `size` is a number of leaves, and leaf 0 is sequence 1.
 *
 *   level 2            .-------'-------.
 *   level 1        .---'---.       .---'---.
 *   level 0        0       1       2       3      4      size 5: root = node(subtree(2, 0), leaf 4)
 *
 * A full subtree of 2^level leaves never changes again. Every range that a proof names falls into such subtrees.
 */

/** A full subtree: node `index` of its level, over the leaves index * 2^level to (index + 1) * 2^level - 1. */
export interface Subtree {
  level: number;
  index: number;
}

/** Leaves from `start` to before `end`. */
export interface Range {
  start: number;
  end: number;
}

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

const sha256 = (bytes: Buffer): Buffer => hash('sha256', bytes, 'buffer');

/** Hash of a leaf over its bytes. */
export const leafHash = (leaf: Buffer): Buffer => sha256(Buffer.concat([LEAF, leaf]));

/** Hash of a node over its two children. */
export const nodeHash = (left: Buffer, right: Buffer): Buffer => sha256(Buffer.concat([NODE, left, right], 65));

/** The full subtrees that a range consists of, left to right, each as large as can be. `start` is a multiple of the largest. */
export function subtreesOf({ start, end }: Range): Subtree[] {
  const found: Subtree[] = [];
  for (let at = start; at < end; ) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level++;
    found.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return found;
}

/** The root over full subtrees that follow each other from left to right. */
export const rootOf = (hashes: readonly Buffer[]): Buffer => hashes.reduceRight((right, left) => nodeHash(left, right));

/** The largest power of two that is smaller than the number of leaves. */
function split(leaves: number): number {
  let left = 1;
  while (left * 2 < leaves) left *= 2;
  return left;
}

/** What stands beside the way from leaf `index` up to the root of `size` leaves, lowest first (RFC 6962, 2.1.1). */
export function inclusionRanges(index: number, size: number): Range[] {
  const path: Range[] = [];
  for (let [start, end] = [0, size]; end - start > 1; ) {
    const middle = start + split(end - start);
    path.push(index < middle ? { start: middle, end } : { start, end: middle });
    [start, end] = index < middle ? [start, middle] : [middle, end];
  }
  return path.reverse();
}

/** What shows that the tree of `to` leaves begins with the one of `from` leaves, lowest first (RFC 6962, 2.1.2). */
export function consistencyRanges(from: number, to: number): Range[] {
  const path: Range[] = [];
  let [start, end] = [0, to];
  while (from !== end) {
    const middle = start + split(end - start);
    path.push(from <= middle ? { start: middle, end } : { start, end: middle });
    [start, end] = from <= middle ? [start, middle] : [middle, end];
  }
  if (start > 0) path.push({ start, end });
  return path.reverse();
}

/** Whether a path leads from the leaf to the root (RFC 9162, 2.1.3.2). */
export function isIncluded({ index, size, leaf, path, root }: { index: number; size: number; leaf: Buffer; path: readonly Buffer[]; root: Buffer }): boolean {
  if (index < 0 || index >= size) return false;
  let [at, last, found] = [index, size - 1, leaf];
  for (const beside of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      found = nodeHash(beside, found);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else found = nodeHash(found, beside);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && found.equals(root);
}

/** Whether a path shows that the tree of `to` leaves begins with the one of `from` leaves, which are one at least (RFC 9162, 2.1.4.2). */
export function isConsistent({ from, to, fromRoot, toRoot, path }: { from: number; to: number; fromRoot: Buffer; toRoot: Buffer; path: readonly Buffer[] }): boolean {
  if (from === to) return path.length === 0 && fromRoot.equals(toRoot);
  if (from < 1 || from > to) return false;
  const [first, ...rest] = Number.isInteger(Math.log2(from)) ? [fromRoot, ...path] : path;
  if (!first) return false;
  let [at, last, older, newer] = [from - 1, to - 1, first, first];
  while (at % 2 === 1) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  for (const beside of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      [older, newer] = [nodeHash(beside, older), nodeHash(beside, newer)];
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else newer = nodeHash(newer, beside);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && older.equals(fromRoot) && newer.equals(toRoot);
}

/** A tree that grows at its end: all that it keeps are the full subtrees on its right edge. */
export class Frontier {
  #size: number;
  readonly #peaks: { level: number; hash: Buffer }[];

  /** `peaks` are the hashes of subtreesOf({ start: 0, end: size }). */
  constructor(size = 0, peaks: readonly Buffer[] = []) {
    const places = subtreesOf({ start: 0, end: size });
    if (places.length !== peaks.length) throw new Error(`A tree of ${size} leaves has ${places.length} full subtrees, not ${peaks.length}`);
    this.#size = size;
    this.#peaks = places.map(({ level }, i) => ({ level, hash: peaks[i]! }));
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a leaf. `grown` hears of each full subtree of two children or more that this completes. */
  append(leaf: Buffer, grown?: (subtree: Subtree, hash: Buffer) => void): void {
    let added = { level: 0, hash: leaf };
    this.#size++;
    while (this.#peaks.at(-1)?.level === added.level) {
      const left = this.#peaks.pop()!;
      added = { level: added.level + 1, hash: nodeHash(left.hash, added.hash) };
      grown?.({ level: added.level, index: this.#size / 2 ** added.level - 1 }, added.hash);
    }
    this.#peaks.push(added);
  }

  /** Throws on the empty tree, of which nothing is signed. */
  get root(): Buffer {
    return rootOf(this.#peaks.map((peak) => peak.hash));
  }
}
