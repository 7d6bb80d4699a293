import { IsIn, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import type { Risk } from '@agent-hive/audit';
import { iso } from '@agent-hive/kernel';
import { PageQuery } from '@agent-hive/kernel/http';
import { BackoffDto } from './task.dto.js';
import { TASK_STATUSES, type BackoffKind, type ChildPolicy, type DependencyFailurePolicy, type Hold, type TaskStatus } from './lifecycle.js';

/** Which tasks to list, newest first. */
export class TaskQuery extends PageQuery {
  @IsOptional()
  @IsIn(TASK_STATUSES, { message: 'status must be one of: $constraint1' })
  status?: TaskStatus;

  @IsOptional()
  @IsString()
  @MaxLength(100)
  queue?: string;

  /** The agent that holds it, did it last, or is the only one that may. */
  @IsOptional()
  @IsUUID()
  assigneeId?: string;

  @IsOptional()
  @IsUUID()
  projectId?: string;

  @IsOptional()
  @IsUUID()
  parentId?: string;

  @IsOptional()
  @IsUUID()
  processRunId?: string;

  /** A capability that it requires. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  capability?: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  externalId?: string;
}

/** Row of tasks.task: times are text as SQL returns it, dates in one that is to be inserted. */
export interface TaskRow {
  id: string;
  title: string;
  description: string | Record<string, unknown> | null;
  type: string;
  action_class: string | null;
  risk: Risk | null;
  status: TaskStatus;
  status_reason: string | null;
  input: Record<string, unknown>;
  result: unknown;
  error: Record<string, unknown> | null;
  task_metadata: Record<string, unknown>;
  priority: number;
  queue: string;
  required_capabilities: string[];
  held_by: Hold | null;
  assignee_id: string | null;
  parent_id: string | null;
  project_id: string | null;
  process_run_id: string | null;
  interaction_id: string | null;
  concurrency_key: string | null;
  external_id: string | null;
  run_at: Date | string | null;
  deadline_at: Date | string | null;
  attempt: number;
  max_attempts: number;
  redrive_count: number;
  backoff_kind: BackoffKind;
  backoff_seconds: number;
  backoff_max_seconds: number;
  fencing_token: string | number;
  attempt_id: string | null;
  lease_expires_at: Date | string | null;
  progress: number;
  predicted_duration: number | null;
  ai_complexity_score: number | null;
  ai_optimization_applied: boolean;
  child_policy: ChildPolicy;
  child_count: number;
  open_child_count: number;
  failed_child_count: number;
  on_dependency_failure: DependencyFailurePolicy;
  open_start_count: number;
  open_finish_count: number;
  is_linked: boolean;
  is_start_linked: boolean;
  started_at: Date | string | null;
  completed_at: Date | string | null;
  created_at: Date | string;
  updated_at: Date | string;
  version: number;
}

/** A piece of work, and how far it is. */
export class TaskDto {
  id: string;
  title: string;
  description: string | Record<string, unknown> | null;
  type: string;
  actionClass: string | null;
  risk: Risk | null;
  status: TaskStatus;
  /** Why it has this status. */
  statusReason: string | null;
  /** Why a ready task cannot be claimed yet: `run_at`, `concurrency_key`; null when it can. */
  heldBy: Hold | null;
  input: Record<string, unknown>;
  /** What the worker completed it with: any JSON. */
  result: unknown;
  /** What the last failed attempt said. */
  error: Record<string, unknown> | null;
  taskMetadata: Record<string, unknown>;
  priority: number;
  queue: string;
  requiredCapabilities: string[];
  /** The only agent that may claim it; once claimed, the agent that holds it or did it last. */
  assigneeId: string | null;
  parentId: string | null;
  projectId: string | null;
  processRunId: string | null;
  /** The question to a person that it waits for, or waited for last: its answer is at `GET /v1/interactions/{id}`. */
  interactionId: string | null;
  concurrencyKey: string | null;
  externalId: string | null;
  runAt: string | null;
  deadlineAt: string | null;
  /** Attempts since it was created or redriven. */
  attempt: number;
  maxAttempts: number;
  redriveCount: number;
  backoff: BackoffDto;
  leaseExpiresAt: string | null;
  /** Percent; of a group, the share of its children that have ended. */
  progress: number;
  /** Milliseconds that half of the comparable tasks took at most; null while there are too few. */
  predictedDuration: number | null;
  /** 0 to 10, from durations and failures of comparable tasks; null while there are too few. */
  aiComplexityScore: number | null;
  /** Whether its assignee was chosen by scores. */
  aiOptimizationApplied: boolean;
  childPolicy: ChildPolicy;
  childCount: number;
  onDependencyFailure: DependencyFailurePolicy;
  /** How many dependencies it still waits for. */
  openDependencyCount: number;
  startedAt: string | null;
  /** When it ended, whatever the outcome. */
  completedAt: string | null;
  /** Grows with every change but a heartbeat's; it is the ETag. */
  version: number;
  createdAt: string;
  updatedAt: string;

  static of(row: TaskRow): TaskDto {
    return {
      id: row.id,
      title: row.title,
      description: row.description,
      type: row.type,
      actionClass: row.action_class,
      risk: row.risk,
      status: row.status,
      statusReason: row.status_reason,
      heldBy: row.held_by,
      input: row.input,
      result: row.result ?? null,
      error: row.error,
      taskMetadata: row.task_metadata,
      priority: row.priority,
      queue: row.queue,
      requiredCapabilities: row.required_capabilities,
      assigneeId: row.assignee_id,
      parentId: row.parent_id,
      projectId: row.project_id,
      processRunId: row.process_run_id,
      interactionId: row.interaction_id,
      concurrencyKey: row.concurrency_key,
      externalId: row.external_id,
      runAt: iso(row.run_at),
      deadlineAt: iso(row.deadline_at),
      attempt: row.attempt,
      maxAttempts: row.max_attempts,
      redriveCount: row.redrive_count,
      backoff: { kind: row.backoff_kind, seconds: row.backoff_seconds, maxSeconds: row.backoff_max_seconds },
      leaseExpiresAt: iso(row.lease_expires_at),
      progress: row.progress,
      predictedDuration: row.predicted_duration,
      aiComplexityScore: row.ai_complexity_score,
      aiOptimizationApplied: row.ai_optimization_applied,
      childPolicy: row.child_policy,
      childCount: row.child_count,
      onDependencyFailure: row.on_dependency_failure,
      openDependencyCount: row.open_start_count + row.open_finish_count,
      startedAt: iso(row.started_at),
      completedAt: iso(row.completed_at),
      version: row.version,
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
    };
  }
}

/** A page of tasks, newest first. */
export class TaskPage {
  items: TaskDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching tasks, when asked for. */
  total?: number;
}

/** Tasks that were created together, in the order in which they were given. */
export class TasksDto {
  items: TaskDto[];
}

/** One task of a tree. */
export class TreeNodeDto {
  id: string;
  parentId: string | null;
  /** Steps from the root, which has 0. */
  depth: number;
  title: string;
  status: TaskStatus;
  progress: number;
  assigneeId: string | null;
  childCount: number;
}

/** A task with all that is below it, parents before their children. */
export class TreeDto {
  items: TreeNodeDto[];
  /** Whether the tree has more tasks than the answer. */
  isTruncated: boolean;
}
