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

/** What each task of a batch waits for in it. A group waits for its children, so that counts too. */
export function waitsIn({ drafts, edges }: Batch): Map<DraftTask, DraftTask[]> {
  const waitsFor = new Map<DraftTask, DraftTask[]>(drafts.map((draft) => [draft, []]));
  for (const { dependent, dependency } of edges) if (dependency) waitsFor.get(dependent)!.push(dependency);
  const byId = new Map(drafts.map((draft) => [draft.id, draft]));
  for (const draft of drafts) {
    const parent = byId.get(draft.parent_id ?? '');
    if (parent && parent.child_policy !== 'ignore') waitsFor.get(parent)!.push(draft);
  }
  return waitsFor;
}
