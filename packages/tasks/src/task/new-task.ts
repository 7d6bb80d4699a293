import { entryFacts, type EntryFacts } from '@agent-hive/audit';
import { newId, Refused } from '@agent-hive/kernel';
import { ANYONE, laneOf } from './lane.js';
import type { CreateTaskDto } from './task.dto.js';
import type { TaskRow } from './task-view.dto.js';

/** A task to be, as other domains ask for it: with an id minted beforehand, or with its parent in the same batch. */
export type NewTask = CreateTaskDto & { id?: string; parentIndex?: number };

/** A row to insert, and beside it what its entry in the record needs. */
export type DraftTask = TaskRow & { lane: string; reserved_for: string; entry_id: string; entry: Record<string, unknown> } & EntryFacts;

const DEFAULT_BACKOFF = { kind: 'exponential', seconds: 5, maxSeconds: 3600 } as const;

/** The row of a new task that waits for nothing: ready, unless it is a group, and held until its time or its key's turn. */
export function draftOf(task: NewTask, now: Date): DraftTask {
  const requiredCapabilities = [...new Set(task.requiredCapabilities ?? [])].sort();
  const actionClass = task.actionClass ?? null;
  const risk = task.risk ?? null;
  const runAt = task.runAt ? new Date(task.runAt) : null;
  const isGroup = (task.childPolicy ?? 'ignore') !== 'ignore';
  const key = task.concurrencyKey ?? null;
  const backoff = task.backoff ?? DEFAULT_BACKOFF;
  return {
    id: task.id ?? newId(),
    title: task.title,
    description: task.description ?? null,
    type: task.type ?? 'general',
    action_class: actionClass,
    risk,
    status: isGroup ? 'waiting' : 'ready',
    status_reason: isGroup ? 'children' : null,
    input: task.input ?? {},
    result: null,
    error: null,
    task_metadata: task.taskMetadata ?? {},
    priority: task.priority ?? 5,
    queue: task.queue ?? 'default',
    required_capabilities: requiredCapabilities,
    lane: laneOf({ requiredCapabilities, actionClass, risk, isStartLinked: false }),
    held_by: isGroup ? null : runAt && runAt > now ? 'run_at' : key === null ? null : 'concurrency_key',
    assignee_id: task.assigneeId?.toLowerCase() ?? null,
    reserved_for: task.assigneeId?.toLowerCase() ?? ANYONE,
    parent_id: task.parentId ?? null,
    project_id: task.projectId ?? null,
    process_run_id: task.processRunId ?? null,
    interaction_id: null,
    concurrency_key: isGroup ? null : key,
    external_id: task.externalId ?? null,
    run_at: runAt,
    deadline_at: task.deadlineAt ? new Date(task.deadlineAt) : null,
    attempt: 0,
    max_attempts: task.maxAttempts ?? 3,
    redrive_count: 0,
    backoff_kind: backoff.kind,
    backoff_seconds: backoff.seconds,
    backoff_max_seconds: backoff.maxSeconds ?? DEFAULT_BACKOFF.maxSeconds,
    fencing_token: 0,
    attempt_id: null,
    lease_expires_at: null,
    progress: 0,
    predicted_duration: null,
    ai_complexity_score: null,
    ai_optimization_applied: false,
    child_policy: task.childPolicy ?? 'ignore',
    child_count: 0,
    open_child_count: 0,
    failed_child_count: 0,
    on_dependency_failure: task.onDependencyFailure ?? 'cancel',
    open_start_count: 0,
    open_finish_count: 0,
    is_linked: key !== null,
    is_start_linked: false,
    started_at: null,
    completed_at: null,
    created_at: now,
    updated_at: now,
    version: 1,
    entry_id: newId(),
    entry: {},
    ...entryFacts(),
  };
}

/** What the record keeps of a new task: what it is and where it goes, not what it is given, which may be large. */
export function entryOf(draft: DraftTask): Record<string, unknown> {
  const { title, type, status, queue, priority } = draft;
  const told = {
    requiredCapabilities: draft.required_capabilities.length > 0 ? draft.required_capabilities : null,
    assigneeId: draft.assignee_id,
    parentId: draft.parent_id,
    projectId: draft.project_id,
    processRunId: draft.process_run_id,
    concurrencyKey: draft.concurrency_key,
    externalId: draft.external_id,
    runAt: draft.run_at,
    deadlineAt: draft.deadline_at,
  };
  return { title, type, status, queue, priority, ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null)) };
}

/** The refusal of a task whose external id another one has. */
export const externalIdTaken = ({ external_id: id }: DraftTask): Refused => new Refused(`A task with externalId ${id} exists: read it by GET /v1/tasks?externalId=${id}`, 'conflict', { externalId: id });
