import { defineEntity, p } from '@mikro-orm/postgresql';
import { RISKS, type Risk } from '@agent-hive/audit';
import { Project } from '@agent-hive/identity';
import { createdAt, id, jsonType, moment, oneOf, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { ProcessRun } from '../process/process-run.entity.js';
import { BACKOFF_KINDS, CHILD_POLICIES, DEPENDENCY_FAILURE_POLICIES, HOLDS, TASK_STATUSES, type BackoffKind, type ChildPolicy, type DependencyFailurePolicy, type Hold, type TaskStatus } from './lifecycle.js';

type Json = Record<string, unknown>;
const INDEX = (name: string, rest: string) => ({ name, expression: `create index "${name}" on "tasks"."task" ${rest}` });

/**
 * A piece of work. Only a ready task that nothing holds can be claimed, and every write by a worker carries its fencing
 * token. Rows are moved by compare-and-set in the .sql.ts files, never through the unit of work.
 */
export const TaskSchema = defineEntity({
  name: 'Task',
  schema: 'tasks',
  tableName: 'task',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    title: p.text(),
    description: p.json<string | Json>().columnType('jsonb').nullable(), // a text or an object
    type: p.text(),
    actionClass: p.text().nullable(),
    risk: p.text().$type<Risk>().nullable(),
    status: p.text().$type<TaskStatus>(),
    statusReason: p.text().nullable(),
    input: p.json<Json>().columnType('jsonb'), // what the worker is given
    result: p.json<unknown>().columnType('jsonb').nullable(), // what the worker gave: any JSON
    error: p.json<Json>().columnType('jsonb').nullable(), // of the last attempt: message, code, retryable
    taskMetadata: p.json<Json>().columnType('jsonb'), // the caller's own
    priority: p.smallint(),
    queue: p.text(),
    requiredCapabilities: p.json<string[]>().columnType('jsonb'), // names, none twice
    /** Tasks of one lane ask the same of whoever claims them: capabilities, action class, risk. */
    lane: p.uuid(),
    heldBy: p.text().$type<Hold>().nullable(),
    /** The agent that may claim it alone, or that holds it or did it last. A plain id, as in attempts (docs/adr/0012). */
    assigneeId: p.uuid().nullable(),
    /** ANYONE, or the assignee that was chosen beforehand and stays when an attempt ends. */
    reservedFor: p.uuid(),
    parent: () => p.manyToOne(Task).joinColumns('tenant_id', 'parent_id').ownColumns('parent_id').deleteRule('cascade').updateRule('no action').ref().nullable(),
    project: () => p.manyToOne(Project).joinColumns('tenant_id', 'project_id').ownColumns('project_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    processRun: () => p.manyToOne(ProcessRun).joinColumns('tenant_id', 'process_run_id').ownColumns('process_run_id').deleteRule('cascade').updateRule('no action').ref().nullable(),
    /** The interaction that it waits for, or waited for last. A plain id, since interactions go when their time is over; who begins to wait holds it. */
    interactionId: p.uuid().nullable(),
    concurrencyKey: p.text().nullable(),
    externalId: p.text().nullable(),
    runAt: moment().nullable(),
    deadlineAt: moment().nullable(),
    /** Attempts since the task was created or redriven; a released one does not count. */
    attempt: p.integer(),
    maxAttempts: p.integer(),
    redriveCount: p.integer(),
    backoffKind: p.text().$type<BackoffKind>(),
    backoffSeconds: p.integer(), backoffMaxSeconds: p.integer(),
    /** Grows with every claim; a write with an older one is refused. */
    fencingToken: p.bigint('number'),
    attemptId: p.uuid().nullable(),
    leaseExpiresAt: moment().nullable(),
    leaseSeconds: p.integer().nullable(),
    progress: p.smallint(),
    predictedDuration: p.integer().nullable(),
    aiComplexityScore: p.double().nullable().default(0),
    aiOptimizationApplied: p.boolean().default(false),
    childPolicy: p.text().$type<ChildPolicy>(),
    childCount: p.integer(), openChildCount: p.integer(), failedChildCount: p.integer(),
    onDependencyFailure: p.text().$type<DependencyFailurePolicy>(),
    /** Dependencies that still keep it from starting, and from ending. */
    openStartCount: p.integer(), openFinishCount: p.integer(),
    /** Whether its end matters to something else: a dependent, a group, a concurrency key, an assignment. */
    isLinked: p.boolean(),
    /** Whether its start does. */
    isStartLinked: p.boolean(),
    startedAt: moment().nullable(),
    completedAt: moment().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  uniques: [{ name: 'task_external_id_unique', expression: 'create unique index "task_external_id_unique" on "tasks"."task" ("tenant_id", "external_id") where external_id is not null' }],
  indexes: [
    INDEX('task_claim_index', `("tenant_id", "reserved_for", "queue", "lane", "priority" desc, "id") where status = 'ready' and held_by is null`),
    INDEX('task_due_index', `("tenant_id", "run_at") where status = 'ready' and held_by = 'run_at'`),
    INDEX('task_lease_index', `("tenant_id", "lease_expires_at") where status in ('claimed', 'running')`),
    INDEX('task_deadline_index', `("tenant_id", "deadline_at") where deadline_at is not null and status in ('blocked', 'ready', 'claimed', 'running', 'waiting')`),
    INDEX('task_concurrency_index', `("tenant_id", "concurrency_key", "held_by", "priority" desc, "id") where concurrency_key is not null and status in ('ready', 'claimed', 'running')`),
    INDEX('task_queue_index', `("tenant_id", "queue", "status", "id")`),
    INDEX('task_assignee_index', `("tenant_id", "assignee_id", "id") where assignee_id is not null`),
    INDEX('task_parent_index', `("tenant_id", "parent_id", "id") where parent_id is not null`),
    INDEX('task_project_index', `("tenant_id", "project_id", "id") where project_id is not null`),
    INDEX('task_process_run_index', `("tenant_id", "process_run_id", "id") where process_run_id is not null`),
    INDEX('task_interaction_index', `("tenant_id", "interaction_id") where interaction_id is not null`),
    INDEX('task_capabilities_index', `using gin ("tenant_id", "required_capabilities") where required_capabilities <> '[]'::jsonb`),
  ],
  checks: [
    { name: 'task_title_check', expression: 'length(title) between 1 and 200' },
    { name: 'task_type_check', expression: 'length(type) between 1 and 100' },
    { name: 'task_queue_check', expression: 'length(queue) between 1 and 100' },
    { name: 'task_status_check', expression: oneOf('status', TASK_STATUSES) },
    { name: 'task_lease_check', expression: `(status = 'claimed' or status = 'running') = (lease_expires_at is not null)` },
    { name: 'task_held_by_check', expression: oneOf('held_by', HOLDS) },
    { name: 'task_risk_check', expression: oneOf('risk', RISKS) },
    { name: 'task_priority_check', expression: 'priority between 0 and 9' },
    { name: 'task_progress_check', expression: 'progress between 0 and 100' },
    { name: 'task_attempts_check', expression: 'attempt >= 0 and max_attempts between 1 and 100 and redrive_count >= 0 and backoff_seconds >= 0 and backoff_max_seconds >= 0' },
    { name: 'task_backoff_kind_check', expression: oneOf('backoff_kind', BACKOFF_KINDS) },
    { name: 'task_counts_check', expression: 'open_start_count >= 0 and open_finish_count >= 0 and child_count >= 0 and open_child_count >= 0 and failed_child_count >= 0' },
    { name: 'task_child_policy_check', expression: oneOf('child_policy', CHILD_POLICIES) },
    { name: 'task_on_dependency_failure_check', expression: oneOf('on_dependency_failure', DEPENDENCY_FAILURE_POLICIES) },
    { name: 'task_json_check', expression: [jsonType('input', 'object'), jsonType('task_metadata', 'object'), jsonType('error', 'object'), jsonType('required_capabilities', 'array')].join(' and ') },
    { name: 'task_free_json_check', expression: `(jsonb_typeof(description) = 'string' or jsonb_typeof(description) = 'object') and jsonb_typeof(result) <> 'null'` },
  ],
});

export class Task extends TaskSchema.class {}
TaskSchema.setClass(Task);
