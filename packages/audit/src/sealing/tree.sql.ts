import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { Frontier, nodeHash, rootOf, subtreesOf, type Range, type Subtree } from './merkle.js';
import { selectNodes } from './sealing.sql.js';

/** Levels of the tree that are stored: every fourth. Level 0 are the leaves. */
export const STORED_EVERY = 4;

/** The running tenant's tree as it grows on: what is on its right edge at a size. */
export async function frontierAt(db: Sql, size: number): Promise<Frontier> {
  return new Frontier(size, await hashesOf(db, subtreesOf({ start: 0, end: size })));
}

/** Hashes over ranges of leaves, as proofs name them. One statement of some 16 rows a stored level. */
export async function hashesOfRanges(db: Sql, ranges: readonly Range[]): Promise<Buffer[]> {
  const parts = ranges.map(subtreesOf);
  const hashes = await hashesOf(db, parts.flat());
  return parts.map((part) => rootOf(hashes.splice(0, part.length)));
}

/** Hashes of full subtrees, each out of the stored nodes below it. Throws when one is missing: then the log is damaged, and a verification says where. */
async function hashesOf(db: Sql, subtrees: readonly Subtree[]): Promise<Buffer[]> {
  const wanted = subtrees.map(storedBelow);
  const found = await selectNodes(db, wanted.flat());
  return wanted.map((nodes) =>
    perfectRoot(
      nodes.map(({ level, index }) => {
        const hash = found.get(`${level}:${index}`);
        if (!hash) throw new Error(`The log of tenant ${currentTenantId()} lacks node ${index} of level ${level}: verify it`);
        return hash;
      }),
    ),
  );
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
