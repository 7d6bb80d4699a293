import { Invalid, type FieldError } from '@agent-hive/kernel';
import type { DependencyType } from './lifecycle.js';
import { draftOf, type DraftTask, type NewTask } from './new-task.js';

/** A new edge: `dependency` is one of the batch, or a task that exists. */
export interface NewEdge {
  dependent: DraftTask;
  dependencyId: string;
  /** The dependency, when it is of the same batch. */
  dependency: DraftTask | null;
  type: DependencyType;
  pointer: string;
}

/** Tasks to be written together, with the edges between them and to others. */
export interface Batch {
  drafts: DraftTask[];
  edges: NewEdge[];
  /** Where each draft stands in the request, for refusals. */
  pointers: Map<string, string>;
}

/** What keeps a task from starting; the other types keep it from ending. */
export const keepsFromStart = (type: DependencyType): boolean => type === 'finish_to_start' || type === 'start_to_start';
/** What the start of the dependency resolves; the other types wait for its end. */
export const isResolvedByStart = (type: DependencyType): boolean => type === 'start_to_start' || type === 'start_to_finish';

/** Rows and edges of new tasks. Throws Invalid, with a pointer to each, on edges that name nothing, a task itself, or one task twice. */
export function batchOf(tasks: readonly NewTask[], now: Date, pointerOf: (i: number) => string): Batch {
  const drafts = tasks.map((task) => draftOf(task, now));
  const pointers = new Map(drafts.map((draft, i) => [draft.id, pointerOf(i)]));
  const errors: FieldError[] = [];
  const edges: NewEdge[] = [];
  for (const [i, task] of tasks.entries()) {
    const dependent = drafts[i]!;
    if (task.parentIndex !== undefined) dependent.parent_id = drafts[task.parentIndex]?.id ?? null;
    const seen = new Set<string>();
    for (const [at, { taskId, index, type: given }] of (task.dependsOn ?? []).entries()) {
      const pointer = `${pointerOf(i)}/dependsOn/${at}`;
      const type = given ?? 'finish_to_start';
      const dependency = index === undefined ? null : (drafts[index] ?? null);
      const dependencyId = dependency?.id ?? taskId?.toLowerCase();
      if ((taskId === undefined) === (index === undefined)) errors.push({ pointer, message: 'must have either taskId or index' });
      else if (dependencyId === undefined) errors.push({ pointer: `${pointer}/index`, message: `must be the position of another task of the batch, 0 to ${tasks.length - 1}` });
      else if (dependencyId === dependent.id) errors.push({ pointer, message: 'a task cannot depend on itself' });
      else if (seen.has(dependencyId)) errors.push({ pointer, message: 'names a task that it depends on already' });
      else {
        seen.add(dependencyId);
        edges.push({ dependent, dependencyId, dependency, type, pointer });
      }
    }
  }
  if (errors.length > 0) throw new Invalid(errors.map((e) => `${e.pointer} ${e.message}`).join('; '), errors);
  return { drafts, edges, pointers };
}

/**
 * A cycle among the tasks of a batch, as the way around it; null when there is none. A group waits for its children, so
 * that counts as an edge. Kahn's topological sort (1962), then a walk along what it leaves.
 */
export function cycleIn({ drafts, edges }: Batch): DraftTask[] | null {
  const waitsFor = new Map<DraftTask, DraftTask[]>(drafts.map((draft) => [draft, []]));
  for (const { dependent, dependency } of edges) if (dependency) waitsFor.get(dependent)!.push(dependency);
  const byId = new Map(drafts.map((draft) => [draft.id, draft]));
  for (const draft of drafts) {
    const parent = byId.get(draft.parent_id ?? '');
    if (parent && parent.child_policy !== 'ignore') waitsFor.get(parent)!.push(draft);
  }
  const waitedForBy = new Map<DraftTask, DraftTask[]>(drafts.map((draft) => [draft, []]));
  const open = new Map<DraftTask, number>();
  for (const [waiter, others] of waitsFor) {
    open.set(waiter, others.length);
    for (const other of others) waitedForBy.get(other)!.push(waiter);
  }
  const free = drafts.filter((draft) => open.get(draft) === 0);
  for (let draft = free.pop(); draft; draft = free.pop()) {
    open.delete(draft);
    for (const waiter of waitedForBy.get(draft)!) {
      const left = open.get(waiter)! - 1;
      open.set(waiter, left);
      if (left === 0) free.push(waiter);
    }
  }
  return open.size === 0 ? null : walk(open.keys().next().value!, (draft) => waitsFor.get(draft)!.find((other) => open.has(other))!);
}

/** Follows `next` from a start until it comes where it was before; returns that loop. */
function walk<T>(start: T, next: (at: T) => T): T[] {
  const path = [start];
  for (let at = next(start); ; at = next(at)) {
    const seen = path.indexOf(at);
    if (seen >= 0) return path.slice(seen);
    path.push(at);
  }
}
