import { currentTenantId, Refused, type Sql } from '@agent-hive/kernel';
import { Frontier, nodeHash, rootOf, subtreesOf, type Range, type Subtree } from './merkle.js';
import { nodeName, selectNodeRuns, selectNodes, type NodeRun } from './sealing.sql.js';

/** Levels of the tree that are stored: every fourth. Level 0 are the leaves. */
const STORED_EVERY = 4;

/** The running tenant's tree as it grows on: what is on its right edge at a size. Throws LogDamaged. */
export async function frontierAt(db: Sql, size: number): Promise<Frontier> {
  return new Frontier(size, await hashesOf(db, subtreesOf({ start: 0, end: size })));
}

/** A node of the tree with its hash. */
export type HashedNode = Subtree & { hash: Buffer };

/** For a growing tree: takes those of its new nodes that are stored. */
export const intoStored = (nodes: HashedNode[]) => (subtree: Subtree, hash: Buffer): void => {
  if (subtree.level % STORED_EVERY === 0) nodes.push({ ...subtree, hash });
};

/** The stored nodes that the leaves from one sequence to another complete, by nodeName(). */
export async function storedNodesOver(db: Sql, { from, to }: { from: number; to: number }): Promise<Map<string, Buffer>> {
  const runs: NodeRun[] = [];
  for (let level = STORED_EVERY; 2 ** level <= to; level += STORED_EVERY) runs.push({ level, first: Math.ceil(from / 2 ** level) - 1, last: Math.floor(to / 2 ** level) - 1 });
  return selectNodeRuns(db, runs);
}

/** Leaves (level 0) and stored nodes are not there: the log is damaged, and a verification says where. */
export class LogDamaged extends Refused {
  constructor(readonly lacking: readonly Subtree[]) {
    super(`the log of tenant ${currentTenantId()} lacks ${lacking.map(({ level, index }) => (level === 0 ? `leaf ${index + 1}` : `node ${index} of level ${level}`)).join(', ')}: verify it`, 'log-damaged');
  }
}

/** Hashes over ranges of leaves, as proofs name them. One statement of at most 30 rows a stored level and range. Throws LogDamaged. */
export async function hashesOfRanges(db: Sql, ranges: readonly Range[]): Promise<Buffer[]> {
  const parts = ranges.map(subtreesOf);
  const hashes = await hashesOf(db, parts.flat());
  return parts.map((part) => rootOf(hashes.splice(0, part.length)));
}

/** Hashes of full subtrees, each out of the stored nodes below it. Throws LogDamaged. */
export async function hashesOf(db: Sql, subtrees: readonly Subtree[]): Promise<Buffer[]> {
  const wanted = subtrees.map(storedBelow);
  const found = await selectNodes(db, wanted.flat());
  const hashOf = (node: Subtree): Buffer | undefined => found.get(nodeName(node));
  const lacking = new Map(wanted.flat().filter((node) => !hashOf(node)).map((node) => [nodeName(node), node]));
  if (lacking.size > 0) throw new LogDamaged([...lacking.values()]);
  return wanted.map((nodes) => perfectRoot(nodes.map((node) => hashOf(node)!)));
}

function storedBelow({ level, index }: Subtree): Subtree[] {
  const above = level % STORED_EVERY;
  return Array.from({ length: 2 ** above }, (_, i) => ({ level: level - above, index: index * 2 ** above + i }));
}

/** The root over as many nodes of one level as a power of two. */
function perfectRoot(hashes: Buffer[]): Buffer {
  while (hashes.length > 1) hashes = Array.from({ length: hashes.length / 2 }, (_, i) => nodeHash(hashes[2 * i]!, hashes[2 * i + 1]!));
  return hashes[0]!;
}
