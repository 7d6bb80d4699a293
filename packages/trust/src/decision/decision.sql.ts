import { insertEntry, insertEntryPerRow } from '@agent-hive/audit';
import { currentTenantId, newId, requireContext, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { isAllowed, isStopped, levelsOf, levelWithin } from '../gate/gate.sql.js';
import { reasonOf } from '../gate/gate.js';
import type { AgentDecisionQuery, DecisionFeedbackDto, DecisionRow } from './decision.dto.js';
import type { Outcome } from './decision.entity.js';

/** Columns of a DecisionRow, from `trust.decision d`. */
export const DECISION_COLUMNS = sql`d.id, d.session_id, d.agent_id, d.decision_type, d.risk, d.input_context, d.decision_rationale, d.action_taken, d.confidence_score, d.execution_time_ms,
  d.outcome, d.outcome_reason, d.trust_level, d.interaction_id, d.user_feedback, d.feedback_comment, d.feedback_by_id, d.feedback_by_name, d.feedback_at, d.created_at`;

/** A decision that is about to be written. */
export type DraftDecision = Pick<DecisionRow, 'id' | 'session_id' | 'decision_type' | 'risk' | 'input_context' | 'decision_rationale' | 'action_taken' | 'execution_time_ms'> & {
  confidence_score: number | null;
  created_at: Date;
  /** What the record keeps of contents: sha256 each. */
  digests: { inputContext: string; actionTaken: string; decisionRationale: string | null };
};

/** What the gate has said of it, where that takes more than levels. */
export interface Authorized {
  outcome: Outcome;
  reason: string;
  level: number;
  interactionId: string | null;
}

/** What became of a decision: its row, or why there is none. */
export interface InsertedDecision {
  /** Of the session. */
  agent_id: string | null;
  /** Whether the session takes decisions of the caller now. */
  is_open: boolean;
  row: DecisionRow | null;
}

/**
 * Writes a decision of an open session, with its entry, in one statement: the hot path, served by primary keys. Without `authorized`
 * it is written only if the levels allow it, since whatever else there is to do takes more than this. The session stays as it is
 * until the transaction ends. No row: there is no such session.
 */
export async function insertDecision(db: Sql, draft: DraftDecision, authorized: Authorized | null): Promise<InsertedDecision | undefined> {
  const tenantId = currentTenantId();
  const { actor } = requireContext().principal;
  const { id, session_id: sessionId, decision_type: type, risk, created_at: now } = draft;
  const condition = authorized === null ? sql`not g.is_stopped and g.status <> 'shutdown' and ${isAllowed(sql`g.level`, sql`${type}::text`, sql`${risk}::text`)}` : sql`true`;
  const newState = sql`jsonb_build_object('decisionType', ${type}::text, 'risk', ${risk}::text, 'outcome', d.outcome, 'level', 'L' || d.trust_level, 'interactionId', d.interaction_id, 'confidenceScore', d.confidence_score)
    || ${JSON.stringify({ digests: draft.digests })}::jsonb`;
  const entry = insertEntryPerRow(
    { subjectType: 'decision', action: sql`'decision.created'`, id: sql`${newId()}::uuid`, subjectId: sql`d.id::text`, agentId: sql`d.agent_id`, sessionId: sql`d.session_id`, risk: sql`d.risk`, occurredAt: now, newState },
    sql`d`,
  );
  const done = await sql<DecisionRow & { session_agent_id: string | null; is_open: boolean }>`
    with s as (
      select s.id, s.agent_id, s.state, s.expires_at, s.trust_level, p.status, ${levelsOf(sql`s.agent_id`, now)} as levels, ${isStopped()} as is_stopped
        from agents.session s left join agents.presence p on p.tenant_id = s.tenant_id and p.agent_id = s.agent_id
       where s.tenant_id = ${tenantId} and s.id = ${sessionId} for share of s
    ), g as (
      select s.*, least(s.trust_level, ${levelWithin(sql`s.levels`, sql`${type}::text`)}) as level,
             s.agent_id is not null and s.state = 'active' and (s.expires_at is null or s.expires_at > ${now}::timestamptz) and (${actor.type}::text <> 'agent' or s.agent_id = ${actor.id}::uuid) as is_open
        from s
    ), d as (
      insert into trust.decision as d (tenant_id, id, session_id, agent_id, decision_type, risk, input_context, decision_rationale, action_taken, confidence_score, execution_time_ms,
                                  outcome, outcome_reason, trust_level, interaction_id, user_feedback, created_at)
      select ${tenantId}::uuid, ${id}::uuid, g.id, g.agent_id, ${type}::text, ${risk}::text, ${JSON.stringify(draft.input_context)}::jsonb, ${draft.decision_rationale}::text,
             ${JSON.stringify(draft.action_taken)}::jsonb, ${draft.confidence_score}::numeric, ${draft.execution_time_ms}::int,
             ${authorized?.outcome ?? 'allowed'}::text, ${authorized ? sql`${authorized.reason}::text` : reasonsAt(type, risk)}, ${authorized ? sql`${authorized.level}::smallint` : sql`g.level`},
             ${authorized?.interactionId ?? null}::uuid, 'pending', ${now}::timestamptz
        from g
       where g.is_open and ${condition}
      returning *
    ), entry as (${entry})
    select g.agent_id as session_agent_id, g.is_open, d.* from g left join d on true`.execute(db);
  const [row] = done.rows;
  return row && { agent_id: row.session_agent_id, is_open: row.is_open, row: row.id === null ? null : row };
}

/** The reason in words, of the level that the statement finds. */
const reasonsAt = (type: string, risk: DraftDecision['risk']): RawBuilder<unknown> => sql`(array[${sql.join([0, 1, 2, 3, 4].map((level) => sql`${reasonOf(level, type, risk)}::text`))}])[g.level + 1]`;

/** One decision by primary key. */
export async function selectDecision(db: Sql, id: string): Promise<DecisionRow | undefined> {
  const found = await sql<DecisionRow>`select ${DECISION_COLUMNS} from trust.decision d where d.tenant_id = ${currentTenantId()} and d.id = ${id}`.execute(db);
  return found.rows[0];
}

/** One decision, which nobody changes until the transaction ends. By primary key. */
export async function lockDecision(db: Sql, id: string): Promise<DecisionRow | undefined> {
  const found = await sql<DecisionRow>`select ${DECISION_COLUMNS} from trust.decision d where d.tenant_id = ${currentTenantId()} and d.id = ${id} for no key update`.execute(db);
  return found.rows[0];
}

/** Writes what a person thinks of a locked decision, with its entry. By primary key. */
export async function updateFeedback(db: Sql, row: DecisionRow, { feedback, comment }: DecisionFeedbackDto, now: Date): Promise<DecisionRow> {
  const { actor } = requireContext().principal;
  const entry = insertEntry(
    { action: `decision.${feedback}`, subjectType: 'decision', subjectId: row.id, agentId: row.agent_id, sessionId: row.session_id, previousState: { userFeedback: 'pending' }, newState: { userFeedback: feedback, comment: comment ?? null } },
    'd',
  );
  const updated = await sql<DecisionRow>`
    with d as (
      update trust.decision d set user_feedback = ${feedback}, feedback_comment = ${comment ?? null}, feedback_by_id = ${actor.type === 'user' ? actor.id : null}::uuid, feedback_by_name = ${actor.name}, feedback_at = ${now}
       where d.tenant_id = ${currentTenantId()} and d.id = ${row.id} and d.user_feedback = 'pending'
      returning ${DECISION_COLUMNS}
    ), entry as (${entry})
    select * from d`.execute(db);
  return updated.rows[0]!;
}

/** Whose decisions a list shows. */
export type DecisionsOf = { sessionId: string } | { agentId: string };

function conditions(of: DecisionsOf, { type, feedback }: AgentDecisionQuery): RawBuilder<unknown> {
  const all = [sql`d.tenant_id = ${currentTenantId()}`, 'sessionId' in of ? sql`d.session_id = ${of.sessionId}` : sql`d.agent_id = ${of.agentId}`];
  if (type !== undefined) all.push(sql`d.decision_type = ${type}`);
  if (feedback !== undefined) all.push(sql`d.user_feedback = ${feedback}`);
  return sql.join(all, sql` and `);
}

/** A page newest first, with one row more. Of a session by decision_session_index; of an agent by decision_agent_index, decision_type_index or decision_feedback_index. */
export async function selectDecisions(db: Sql, of: DecisionsOf, query: AgentDecisionQuery, before: string | undefined): Promise<DecisionRow[]> {
  const found = await sql<DecisionRow>`
    select ${DECISION_COLUMNS} from trust.decision d where ${conditions(of, query)} ${before === undefined ? sql`` : sql`and d.id < ${before}::uuid`} order by d.id desc limit ${query.limit + 1}`.execute(db);
  return found.rows;
}

/** How many decisions match. */
export async function countDecisions(db: Sql, of: DecisionsOf, query: AgentDecisionQuery): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from trust.decision d where ${conditions(of, query)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** Takes a user who goes out of the judgements, which stay; the record keeps how many. By decision_feedback_by_index. */
export async function forgetJudge(db: Sql, userId: string): Promise<void> {
  const entry = insertEntry({ action: 'decision.judge_forgotten', subjectType: 'user', subjectId: userId }, 'told', { newState: sql`jsonb_build_object('decisions', told.count)` });
  await sql`
    with forgotten as (
      update trust.decision d set feedback_by_id = null, feedback_by_name = null where d.tenant_id = ${currentTenantId()} and d.feedback_by_id = ${userId} returning d.id
    ), told as (
      select count(*) as count from forgotten having count(*) > 0
    ) ${entry}`.execute(db);
}
