import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { Invalid, NotFound, Refused, tenantSql, type FieldError, type Sql } from '@agent-hive/kernel';
import { WakeupsService } from '../claim/wakeups.service.js';
import { cycleIn, refuseCycle } from '../dependency/graph.js';
import { lockGraph, selectPath } from '../dependency/graph.sql.js';
import { batchOf, isResolvedByStart, keepsFromStart, waitsIn, type Batch, type NewEdge } from './batch.js';
import { ENDED, type DependencyFailurePolicy } from './lifecycle.js';
import { demandsOf, laneOf } from './lane.js';
import { externalIdTaken, type DraftTask, type NewTask } from './new-task.js';
import { insertEdges, linkTasks, lockAgents, lockTasks, selectMissing } from './reference.sql.js';
import { SettlementService } from './settlement.service.js';
import { countChildren, type ChildCount } from './settlement.sql.js';
import { insertTasks } from './task-insert.sql.js';
import { TaskDto, type TaskRow } from './task-view.dto.js';

/** The same edge, and what is known of it once the dependency is locked. */
type KnownEdge = NewEdge & { resolvedAt: Date | null };

/** Creates tasks that stand in relations, all or none: edges, parents, concurrency keys. */
@Injectable()
export class CreationService {
  constructor(
    private readonly em: EntityManager,
    private readonly settlement: SettlementService,
    private readonly wakeups: WakeupsService,
  ) {}

  /**
   * Creates tasks in one transaction, in a number of statements that does not depend on theirs. Throws NotFound on an unknown
   * reference of a single task and Invalid with a pointer on one in a batch; Refused on a cycle, an ended parent, a dependency
   * that ended without success, or an external id that is taken.
   */
  async create(inputs: readonly NewTask[], pointerOf: (i: number) => string): Promise<TaskDto[]> {
    const now = new Date();
    const batch = batchOf(inputs, now, pointerOf);
    const cycle = cycleIn(waitsIn(batch));
    if (cycle) throw refuseCycle([...cycle, cycle[0]!].map((draft) => batch.pointers.get(draft.id)!));
    return tenantSql(this.em, async (db) => {
      const others = await this.lockOthers(db, batch);
      const edges = this.resolve(batch, others, now);
      for (const edge of edges) wait(edge);
      const counts = this.join(batch, others);
      const made = new Map((await insertTasks(db, batch.drafts, now)).map((row) => [row.id, row]));
      const conflict = batch.drafts.find((draft) => !made.has(draft.id));
      if (conflict) throw externalIdTaken(conflict);
      if (edges.length > 0) await insertEdges(db, edges.map(({ dependent, dependencyId, type, resolvedAt }) => ({ dependentId: dependent.id, dependencyId, type, resolvedAt })), now);
      await this.requireNoCycle(db, batch, others);
      if (counts.length > 0) await countChildren(db, counts, now);
      const admitted = new Set(await this.settlement.admitNext(db, [...new Set(batch.drafts.filter((d) => d.held_by === 'concurrency_key').map((d) => d.concurrency_key!))]));
      this.wakeups.notify();
      return batch.drafts.map((draft) => TaskDto.of({ ...draft, ...made.get(draft.id), held_by: admitted.has(draft.id) ? null : draft.held_by }));
    });
  }

  /** Locks the tasks outside the batch that it refers to, and marks those that it will wait for. Throws on what is not there. */
  private async lockOthers(db: Sql, { drafts, edges, pointers }: Batch): Promise<Map<string, TaskRow>> {
    const own = new Set(drafts.map((draft) => draft.id));
    const outside = edges.filter((edge) => edge.dependency === null);
    const parents = drafts.filter((draft) => draft.parent_id !== null && !own.has(draft.parent_id));
    const ids = [...new Set([...outside.map((edge) => edge.dependencyId), ...parents.map((draft) => draft.parent_id!)])];
    const distinct = (of: (draft: DraftTask) => string | null) => [...new Set(drafts.map(of).filter((id) => id !== null))];
    const references = { projects: distinct((d) => d.project_id), processRuns: distinct((d) => d.process_run_id) };
    const missing = Object.values(references).some((some) => some.length > 0) ? await selectMissing(db, references) : [];
    const assignees = distinct((d) => d.assignee_id);
    const agents = assignees.length > 0 ? await lockAgents(db, assignees) : [];
    const found = new Map((ids.length > 0 ? await lockTasks(db, ids) : []).map((row) => [row.id, row]));
    const unknown: [string, string, string][] = outside.filter((edge) => !found.has(edge.dependencyId)).map((edge) => [`${edge.pointer}/taskId`, 'task', edge.dependencyId]);
    for (const draft of parents) if (!found.has(draft.parent_id!)) unknown.push([`${pointers.get(draft.id)}/parentId`, 'task', draft.parent_id!]);
    for (const draft of drafts) {
      if (missing.includes(draft.project_id ?? '')) unknown.push([`${pointers.get(draft.id)}/projectId`, 'project', draft.project_id!]);
      if (draft.assignee_id !== null && !agents.includes(draft.assignee_id)) unknown.push([`${pointers.get(draft.id)}/assigneeId`, 'agent', draft.assignee_id]);
      if (missing.includes(draft.process_run_id ?? '')) unknown.push([`${pointers.get(draft.id)}/processRunId`, 'process run', draft.process_run_id!]);
    }
    refuseUnknown(unknown);
    const started = new Set(outside.filter((edge) => isResolvedByStart(edge.type)).map((edge) => edge.dependencyId));
    if (outside.length > 0) await linkTasks(db, outside.map((edge) => found.get(edge.dependencyId)!), started);
    return found;
  }

  /** Tells edges that are resolved already from those to wait for. Throws Refused on one that will never be. */
  private resolve({ edges }: Batch, others: Map<string, TaskRow>, now: Date): KnownEdge[] {
    return edges.map((edge) => {
      const row = others.get(edge.dependencyId);
      return { ...edge, resolvedAt: row && isOver(row, edge, edge.dependent.on_dependency_failure) ? now : null };
    });
  }

  /** Links children to their groups, and counts them. Throws Refused when a parent has ended. */
  private join({ drafts, pointers }: Batch, others: Map<string, TaskRow>): ChildCount[] {
    const own = new Map(drafts.map((draft) => [draft.id, draft]));
    const counts = new Map<string, ChildCount>();
    for (const draft of drafts) {
      if (draft.parent_id === null) continue;
      const parent = own.get(draft.parent_id) ?? others.get(draft.parent_id)!;
      if (ENDED.includes(parent.status)) throw new Refused(`task ${parent.id} is ${parent.status} and takes no more children`, 'parent-ended', { taskStatus: parent.status, pointer: `${pointers.get(draft.id)}/parentId` });
      if (parent.child_policy === 'ignore') continue;
      draft.is_linked = true;
      const count = counts.get(parent.id) ?? { parentId: parent.id, added: 0, open: 0, failed: 0 };
      counts.set(parent.id, { ...count, added: count.added + 1, open: count.open + 1 });
    }
    return [...counts.values()];
  }

  /** New tasks can close a cycle with those that exist only as children of a group that they wait for. */
  private async requireNoCycle(db: Sql, { drafts, edges, pointers }: Batch, others: Map<string, TaskRow>): Promise<void> {
    const groups = [...new Set(drafts.map((draft) => draft.parent_id).filter((id) => id !== null && (others.get(id)?.child_policy ?? 'ignore') !== 'ignore'))];
    if (groups.length === 0 || !edges.some((edge) => edge.dependency === null)) return;
    await lockGraph(db);
    for (const group of groups) {
      const path = await selectPath(db, group!, group!);
      if (path) throw refuseCycle(path.map((id) => pointers.get(id) ?? id));
    }
  }
}

/** Whether nothing is to be waited for any more. Throws Refused when the wait would never end. */
export function isOver(dependency: TaskRow, { type, pointer }: Pick<NewEdge, 'type'> & { pointer?: string }, policy: DependencyFailurePolicy): boolean {
  if (dependency.status === 'completed' || (isResolvedByStart(type) && dependency.started_at !== null)) return true;
  if (!ENDED.includes(dependency.status) || policy === 'run') return ENDED.includes(dependency.status);
  if (policy === 'keep' && dependency.status !== 'cancelled') return false;
  const message = `task ${dependency.id} is ${dependency.status}: nothing can wait for it, unless onDependencyFailure is run`;
  throw new Refused(message, 'dependency-ended', { taskStatus: dependency.status, ...(pointer !== undefined && { pointer }) });
}

/** Others wait for its start. */
function linkStart(draft: DraftTask): void {
  draft.is_start_linked = true;
  draft.lane = laneOf(demandsOf(draft));
}

/** The dependent of an open edge waits for it, and the dependency of the same batch knows. */
function wait({ dependent, dependency, type, resolvedAt }: KnownEdge): void {
  if (dependency) {
    dependency.is_linked = true;
    if (isResolvedByStart(type)) linkStart(dependency);
  }
  if (resolvedAt !== null) return;
  if (!keepsFromStart(type)) {
    dependent.open_finish_count++;
    return;
  }
  dependent.open_start_count++;
  Object.assign(dependent, { status: 'blocked', status_reason: null, held_by: null });
}

function refuseUnknown(unknown: readonly [pointer: string, noun: string, id: string][]): void {
  const [first] = unknown;
  if (!first) return;
  if (!first[0].startsWith('/tasks/')) throw new NotFound(first[1], first[2]);
  const errors = unknown.map(([pointer, noun, id]): FieldError => ({ pointer, message: `No ${noun} with id ${id}` }));
  throw new Invalid(errors.map((e) => `${e.pointer}: ${e.message}`).join('; '), errors);
}
