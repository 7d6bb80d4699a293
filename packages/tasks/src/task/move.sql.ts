import { insertEntryPerRow } from '@agent-hive/audit';
import { atMost, currentTenantId, isAmong, newId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { ENDED, type Hold, type Outcome, type TaskStatus } from './lifecycle.js';
import { ANYONE } from './lane.js';
import { TASK_COLUMNS } from './task.sql.js';
import type { TaskRow } from './task-view.dto.js';

/** What an agent says that an attempt cost. */
export interface Usage {
  costUsd?: number;
  inputTokens?: number;
  outputTokens?: number;
}

/** One change of a task that is locked and may make it, by TASK_TRANSITIONS. */
export interface Move {
  task: Pick<TaskRow, 'id' | 'status' | 'fencing_token' | 'attempt_id'>;
  /** What the record calls it, such as `task.cancelled`. */
  action: string;
  status: TaskStatus;
  reason: string | null;
  /** How the attempt ended that held it, if one did. */
  outcome?: Outcome;
  error?: Record<string, unknown> | null;
  usage?: Usage;
  heldBy?: Hold | null;
  runAt?: Date | null;
  /** What it waits for from now on. */
  interactionId?: string;
  /** Set where it begins anew: 0; absent, the count stays. */
  attempt?: number;
  redriven?: boolean;
  /** Its deadline, when that is over and dropped. */
  droppedDeadline?: Date | string | null;
}

/**
 * Moves locked tasks, ends their attempts and writes their entries, in one statement by primary keys. A task that goes
 * back to where it can be claimed loses the assignee that a claim gave it; the lease is over in any case.
 */
export async function moveTasks(db: Sql, moves: readonly Move[], now: Date): Promise<TaskRow[]> {
  const tenantId = currentTenantId();
  const rows = moves.map(({ task, action, status, reason, outcome, error, usage, heldBy, runAt, attempt, redriven, droppedDeadline, interactionId }) => ({
    id: task.id, was: task.status, token: task.fencing_token, attempt_id: task.attempt_id, entry_id: newId(), action, status, reason, outcome: outcome ?? null,
    error: error ?? null, held_by: heldBy ?? null, run_at: runAt ?? null, interaction_id: interactionId ?? null, attempt: attempt ?? null, redriven: redriven ?? false, dropped_deadline: droppedDeadline ?? null, ...usage,
  }));
  const entry = insertEntryPerRow(
    {
      subjectType: 'task', action: sql`m.action`, id: sql`m.entry_id`, subjectId: sql`m.id::text`, agentId: sql`moved.assignee_id`, risk: sql`moved.risk`, occurredAt: now,
      previousState: sql`jsonb_strip_nulls(jsonb_build_object('status', m.was, 'deadlineAt', m.dropped_deadline))`, newState: sql`jsonb_strip_nulls(jsonb_build_object('status', m.status, 'statusReason', m.reason, 'runAt', m.run_at, 'interactionId', m.interaction_id, 'error', m.error))`,
    },
    sql`moved join move m on m.id = moved.id`,
  );
  const moved = await sql<TaskRow>`
    with move as materialized (
      select * from json_to_recordset(${JSON.stringify(rows)}::json) as m(id uuid, was text, token bigint, attempt_id uuid, entry_id uuid, action text, status text, reason text, outcome text,
             error jsonb, held_by text, run_at timestamptz, interaction_id uuid, attempt int, redriven boolean, dropped_deadline timestamptz, "costUsd" float8, "inputTokens" bigint, "outputTokens" bigint) ${atMost(rows.length)}
    ), moved as (
      update tasks.task t
         set status = m.status, status_reason = m.reason, held_by = m.held_by, run_at = coalesce(m.run_at, t.run_at), interaction_id = coalesce(m.interaction_id, t.interaction_id), deadline_at = case when m.dropped_deadline is null then t.deadline_at end, error = case when m.redriven then null else coalesce(m.error, t.error) end,
             attempt = coalesce(m.attempt, t.attempt), redrive_count = t.redrive_count + m.redriven::int, lease_expires_at = null, lease_seconds = null,
             assignee_id = case when m.status in ('ready', 'blocked') and t.reserved_for = ${ANYONE} then null else t.assignee_id end,
             progress = case when m.status in ('ready', 'blocked') then 0 when m.status = 'completed' then 100 else t.progress end,
             completed_at = case when m.status = any (${[...ENDED]}::text[]) then ${now}::timestamptz end, updated_at = ${now}, version = t.version + 1
        from move m
       where t.tenant_id = ${tenantId} and ${isAmong(sql`t.id`, sql`array(select id from move)`)} and t.id = m.id and t.status = m.was and t.fencing_token = m.token
      returning ${TASK_COLUMNS}
    ), ended as (
      update tasks.attempt a
         set outcome = m.outcome, ended_at = ${now}, error = m.error, cost_usd = coalesce(m."costUsd", a.cost_usd), input_tokens = coalesce(m."inputTokens", a.input_tokens),
             output_tokens = coalesce(m."outputTokens", a.output_tokens)
        from move m join moved on moved.id = m.id
       where a.tenant_id = ${tenantId} and ${isAmong(sql`a.id`, sql`array(select attempt_id from move)`)} and a.id = m.attempt_id and a.ended_at is null and m.outcome is not null
    ), entry as (${entry})
    select * from moved`.execute(db);
  return moved.rows;
}
