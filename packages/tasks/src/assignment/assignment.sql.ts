import { insertEntry, insertEntryPerRow } from '@agent-hive/audit';
import { atMost, currentTenantId, isAmong, newId, type Sql } from '@agent-hive/kernel';
import { isAllowed, levelsOf, levelWithin } from '@agent-hive/trust';
import { sql, type RawBuilder } from 'kysely';
import { claimant, READY } from '../claim/claim.sql.js';
import { ANYONE } from '../task/lane.js';
import { TASK_COLUMNS } from '../task/task.sql.js';
import type { TaskRow } from '../task/task-view.dto.js';
import type { AssignmentRow } from './assignment.dto.js';

/** Writes a decision on a locked task with its entry, in one statement: the task is reserved for the chosen agent, and linked, so that its end is noted here. When nobody was chosen, it stays as it is. By primary key. */
export async function insertAssignment(db: Sql, task: TaskRow, row: AssignmentRow): Promise<void> {
  const { agent_id: agentId, decided_at: now, prediction } = row;
  const isAssigned = agentId !== null;
  const entry = insertEntry(
    {
      action: isAssigned ? 'task.assigned' : 'task.assignment_failed', subjectType: 'task', subjectId: task.id, agentId, risk: task.risk,
      ...(isAssigned && {
        previousState: { assigneeId: task.assignee_id, predictedDuration: task.predicted_duration, aiComplexityScore: task.ai_complexity_score },
        newState: { assigneeId: agentId, predictedDuration: prediction.durationMs ?? task.predicted_duration, aiComplexityScore: prediction.complexityScore ?? task.ai_complexity_score },
      }),
      details: { assignmentId: row.id, reason: row.reason, candidates: row.candidates.map(({ agentId: id, score }) => ({ agentId: id, score })) },
    },
    'decided',
  );
  const assigned: RawBuilder<unknown> = sql`assigned as (
      update tasks.task t
         set assignee_id = ${agentId}::uuid, reserved_for = ${agentId}::uuid, ai_optimization_applied = true, is_linked = true,
             predicted_duration = coalesce(${prediction.durationMs}::int, t.predicted_duration), ai_complexity_score = coalesce(${prediction.complexityScore}::float8, t.ai_complexity_score),
             updated_at = ${now}, version = t.version + 1
       where t.tenant_id = ${currentTenantId()} and t.id = ${task.id}
    ), `;
  await sql`
    with ${isAssigned ? assigned : sql``}decided as (
      insert into tasks.assignment (tenant_id, id, task_id, agent_id, candidates, reason, prediction, decided_by, decided_at)
      values (${currentTenantId()}, ${row.id}, ${task.id}, ${agentId}, ${JSON.stringify(row.candidates)}::jsonb, ${row.reason}, ${JSON.stringify(prediction)}::jsonb, ${row.decided_by}, ${now})
      returning id
    )
    ${entry}`.execute(db);
}

/** Which of some agents a claim would give a task of such a class and risk, by their trust. By the primary key of trust.standing. */
export async function selectTrusted(db: Sql, agentIds: readonly string[], { action_class: actionClass, risk }: Pick<TaskRow, 'action_class' | 'risk'>, now: Date): Promise<string[]> {
  if (risk === null) return [...agentIds];
  const [className, riskName] = [sql`${actionClass}::text`, sql`${risk}::text`];
  const found = await sql<{ id: string }>`
    select a.id from unnest(${[...agentIds]}::uuid[]) a(id) cross join lateral (select ${levelsOf(sql`a.id`, now)} as levels offset 0) t
     where ${isAllowed(levelWithin(sql`t.levels`, className), className, riskName)}`.execute(db);
  return found.rows.map((row) => row.id);
}

/** Rows of one statement: what a release holds locked stays small. */
const BATCH = 500;

/** A task that its agent cannot do, and why. */
export type StrandedRow = TaskRow & { why: 'agent_shutdown' | 'agent_incapable' | 'agent_untrusted' };

/**
 * Tasks that could be claimed, by nobody but an agent that was chosen by scores and is shut down, has no longer what they
 * require, or is no longer trusted with them; locked, without those that somebody else holds. Agents and the lanes of their tasks are found by a loose scan of
 * task_claim_index, one probe a lane, and so are the tasks; agents by primary keys.
 */
export async function lockStranded(db: Sql, now: Date): Promise<StrandedRow[]> {
  const tenantId = currentTenantId();
  const levels = levelsOf(sql`w.reserved_for`, now);
  const next = (after: RawBuilder<unknown>) => sql`
      select t.reserved_for, t.queue, t.lane, t.required_capabilities, t.action_class, t.risk from tasks.task t
       where t.tenant_id = ${tenantId} and ${READY} and ${after} order by t.reserved_for, t.queue, t.lane limit 1`;
  const found = await sql<StrandedRow>`
    with recursive pinned as (
      (${next(sql`t.reserved_for > ${sql.lit(ANYONE)}::uuid`)})
      union all
      select n.* from pinned w cross join lateral (${next(sql`(t.reserved_for, t.queue, t.lane) > (w.reserved_for, w.queue, w.lane)`)}) n
    ), stranded as materialized (
      select w.*, case when who.status = 'shutdown' then 'agent_shutdown' when not w.required_capabilities <@ who.capabilities then 'agent_incapable' else 'agent_untrusted' end as why
        from pinned w cross join lateral (${claimant(sql`w.reserved_for`)}) who
       where who.status = 'shutdown' or not w.required_capabilities <@ who.capabilities or (w.risk is not null and not ${isAllowed(levelWithin(levels, sql`w.action_class`), sql`w.action_class`, sql`w.risk`)})
    )
    select t.*, s.why from stranded s cross join lateral (
      select ${TASK_COLUMNS} from tasks.task t
       where t.tenant_id = ${tenantId} and ${READY} and t.reserved_for = s.reserved_for and t.queue = s.queue and t.lane = s.lane and t.ai_optimization_applied
       order by t.priority desc, t.id limit ${BATCH} for no key update skip locked) t limit ${BATCH}`.execute(db);
  return found.rows;
}

/** Takes locked tasks from their agents, for everybody to claim, with their entries in one statement. By primary key. */
export async function unassign(db: Sql, tasks: readonly StrandedRow[], now: Date): Promise<void> {
  const rows = tasks.map((task) => ({ id: task.id, agent_id: task.assignee_id, why: task.why, entry_id: newId() }));
  const entry = insertEntryPerRow(
    {
      subjectType: 'task', action: sql`'task.unassigned'`, id: sql`r.entry_id`, subjectId: sql`r.id::text`, agentId: sql`r.agent_id`, risk: sql`u.risk`, occurredAt: now,
      previousState: sql`jsonb_build_object('assigneeId', r.agent_id)`, newState: sql`jsonb_build_object('assigneeId', null, 'reason', r.why)`,
    },
    sql`unassigned u join r on r.id = u.id`,
  );
  await sql`
    with r as materialized (
      select * from json_to_recordset(${JSON.stringify(rows)}::json) as r(id uuid, agent_id uuid, why text, entry_id uuid) ${atMost(rows.length)}
    ), unassigned as (
      update tasks.task t set assignee_id = null, reserved_for = ${ANYONE}, ai_optimization_applied = false, updated_at = ${now}, version = t.version + 1
        from r where t.tenant_id = ${currentTenantId()} and ${isAmong(sql`t.id`, sql`array(select id from r)`)} and t.id = r.id
      returning t.id, t.risk
    )
    ${entry}`.execute(db);
}

/** A page of a task's assignments, newest first. Served by assignment_task_index. */
export async function selectAssignments(db: Sql, taskId: string, limit: number, before: string | undefined): Promise<AssignmentRow[]> {
  const found = await sql<AssignmentRow>`
    select a.id, a.task_id, a.agent_id, a.candidates, a.reason, a.prediction, a.decided_by, a.decided_at, a.outcome, a.outcome_at
      from tasks.assignment a where a.tenant_id = ${currentTenantId()} and a.task_id = ${taskId} ${before === undefined ? sql`` : sql`and a.id < ${before}::uuid`}
     order by a.id desc limit ${limit}`.execute(db);
  return found.rows;
}

/** How many assignments a task has had. */
export async function countAssignments(db: Sql, taskId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from tasks.assignment where tenant_id = ${currentTenantId()} and task_id = ${taskId}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** How many decisions chose an agent. By assignment_agent_index. */
export async function countAssignmentsOfAgent(db: Sql, agentId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from tasks.assignment where tenant_id = ${currentTenantId()} and agent_id = ${agentId}`.execute(db);
  return Number(found.rows[0]!.count);
}
