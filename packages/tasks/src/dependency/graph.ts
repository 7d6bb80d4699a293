import { Refused } from '@agent-hive/kernel';

/** The refusal of an edge that closes a cycle; `path` begins and ends with the same task. */
export const refuseCycle = (path: readonly string[], pointer?: string): Refused =>
  new Refused(`This would make tasks wait for each other: ${path.join(' -> ')}`, 'dependency-cycle', { path, ...(pointer !== undefined && { pointer }) });

/**
 * A cycle among nodes, as the way around it; null when there is none. What a node waits for must be among them. Kahn's
 * topological sort (1962), then a walk along what it leaves: linear in nodes and edges.
 */
export function cycleIn<T>(waitsFor: ReadonlyMap<T, readonly T[]>): T[] | null {
  const waitedForBy = new Map<T, T[]>([...waitsFor.keys()].map((node) => [node, []]));
  const open = new Map<T, number>();
  for (const [waiter, others] of waitsFor) {
    open.set(waiter, others.length);
    for (const other of others) waitedForBy.get(other)!.push(waiter);
  }
  const free = [...open.keys()].filter((node) => open.get(node) === 0);
  while (free.length > 0) {
    const node = free.pop()!;
    open.delete(node);
    for (const waiter of waitedForBy.get(node)!) {
      const left = open.get(waiter)! - 1;
      open.set(waiter, left);
      if (left === 0) free.push(waiter);
    }
  }
  if (open.size === 0) return null;
  return walk([...open.keys()][0]!, (node) => waitsFor.get(node)!.find((other) => open.has(other))!);
}

/** Follows `next` from a start until it comes where it was before; returns that loop. */
function walk<T>(start: T, next: (at: T) => T): T[] {
  const positions = new Map<T, number>();
  for (let at = start; ; at = next(at)) {
    const seen = positions.get(at);
    if (seen !== undefined) return [...positions.keys()].slice(seen);
    positions.set(at, positions.size);
  }
}
