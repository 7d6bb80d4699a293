import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { AgentsService, SessionsService, TRUST_LEVELS } from '@agent-hive/agents';
import { EncryptionService, type EncryptedColumn } from '@agent-hive/audit';
import { decodeIdCursor, Forbidden, newId, NotFound, oneTransaction, pageOf, Refused, requireContext, tenantRead, tenantSql, tenantStatement, type Page } from '@agent-hive/kernel';
import canonicalize from 'canonicalize';
import { AuthorizationsService } from '../authorization/authorizations.service.js';
import { evidenceOf, type Verdict } from '../level/evaluation.js';
import { LevelsService } from '../level/levels.service.js';
import { TrustMetricsService } from '../metric/trust-metrics.service.js';
import { DecisionDto, type AgentDecisionQuery, type CreateDecisionDto, type DecisionFeedbackDto, type DecisionRow } from './decision.dto.js';
import { countDecisions, insertDecision, lockDecision, selectDecision, selectDecisions, updateFeedback, type Authorized, type DecisionsOf, type DraftDecision } from './decision.sql.js';

/** Kept encrypted: it is what an agent thought, in words. */
export const RATIONALE: EncryptedColumn = { table: 'trust.decision', column: 'decision_rationale' };

const VERDICTS: Readonly<Record<DecisionFeedbackDto['feedback'], Verdict>> = { approved: 1, modified: 0, rejected: -1 };

/** What agents decide, and what people think of it. */
@Injectable()
export class DecisionsService {
  constructor(
    private readonly em: EntityManager,
    private readonly sessions: SessionsService,
    private readonly agents: AgentsService,
    private readonly authorizations: AuthorizationsService,
    private readonly levels: LevelsService,
    private readonly metrics: TrustMetricsService,
    private readonly encryption: EncryptionService,
  ) {}

  /** One decision. Throws NotFound. */
  async get(id: string): Promise<DecisionDto> {
    const row = await tenantStatement(this.em, (db) => selectDecision(db, id));
    if (!row) throw new NotFound('decision', id);
    return this.shown(row);
  }

  /** A page of a session's decisions, newest first. Throws NotFound on the session. */
  async listOfSession(sessionId: string, query: AgentDecisionQuery): Promise<Page<DecisionDto>> {
    const page = await this.page({ sessionId }, query);
    if (page.items.length === 0) await this.sessions.get(sessionId);
    return page;
  }

  /** A page of an agent's decisions, newest first. Throws NotFound on the agent. */
  async listOfAgent(agentId: string, query: AgentDecisionQuery): Promise<Page<DecisionDto>> {
    const page = await this.page({ agentId }, query);
    if (page.items.length === 0) await this.agents.get(agentId);
    return page;
  }

  /**
   * Records a decision and asks the gate about it. What the level allows takes one statement; else an approval is used up or asked for,
   * and the decision says so. Throws NotFound on the session, Forbidden in another agent's, Refused (`session-ended`, `session-paused`,
   * `session-without-agent`).
   */
  async create(sessionId: string, input: CreateDecisionDto): Promise<DecisionDto> {
    const draft = draftOf(sessionId.toLowerCase(), input);
    draft.decision_rationale = await this.encryption.encrypt({ ...RATIONALE, row: draft.id }, draft.decision_rationale);
    const done = await tenantStatement(this.em, (db) => insertDecision(db, draft, null));
    if (done?.row) return this.shown(done.row);
    const agentId = done?.agent_id ?? null;
    if (!done?.is_open || agentId === null) return this.refuse(draft.session_id);
    return oneTransaction(this.em, async () => {
      const { decision_type: actionClass, risk, action_taken: details, session_id: session } = draft;
      const said = await this.authorizations.authorize({ agentId, actionClass, risk, details, sessionId: session, subject: { type: 'decision', id: draft.id } });
      const authorized: Authorized = { ...said, level: TRUST_LEVELS.indexOf(said.level) };
      const written = await tenantSql(this.em, (db) => insertDecision(db, draft, authorized));
      return written?.row ? this.shown(written.row) : this.refuse(session);
    });
  }

  /**
   * Says what a person thinks of a decision; levels and metrics follow in the same transaction. The same once more changes nothing.
   * Throws NotFound, Forbidden for an agent (`own-decision`, `people-only`), Refused when something else was said (`feedback-given`).
   */
  async judge(id: string, input: DecisionFeedbackDto): Promise<DecisionDto> {
    return oneTransaction(this.em, async () => {
      const now = new Date();
      const row = await tenantSql(this.em, (db) => lockDecision(db, id));
      if (!row) throw new NotFound('decision', id);
      requireJudge(row.agent_id);
      if (row.user_feedback === input.feedback) return this.shown(row);
      if (row.user_feedback !== 'pending') {
        throw new Refused(`decision ${id} was ${row.user_feedback} already: what is said of a decision is said once`, 'feedback-given', { userFeedback: row.user_feedback });
      }
      const updated = await tenantSql(this.em, (db) => updateFeedback(db, row, input, now));
      await this.learn(updated, input, now);
      return this.shown(updated);
    });
  }

  /** Moves what is known of the agent by one judged decision. */
  private async learn(row: DecisionRow, { feedback }: DecisionFeedbackDto, now: Date): Promise<void> {
    const { agent_id: agentId, decision_type: actionClass, session_id: sessionId, id: decisionId } = row;
    const confidence = row.confidence_score === null ? null : Number(row.confidence_score);
    const wasAutonomous = row.outcome === 'allowed' && row.interaction_id === null ? 1 : 0;
    const standing = await this.levels.judge(agentId, actionClass, [VERDICTS[feedback], confidence, wasAutonomous], now);
    const window = standing.judgements;
    const evidence = evidenceOf({ window, judgedSinceChange: standing.judged_since_change }, window.length);
    await this.metrics.measure({ agentId, sessionId, actionClass, decisionId, evidence, window }, now);
  }

  private async page(of: DecisionsOf, query: AgentDecisionQuery): Promise<Page<DecisionDto>> {
    const before = decodeIdCursor(query.cursor);
    const page: Page<DecisionRow> = await tenantRead(this.em, async (db) => {
      const rows: Page<DecisionRow> = pageOf(await selectDecisions(db, of, query, before), query.limit, (row) => [row.id], (row) => row);
      if (query.total) rows.total = await countDecisions(db, of, query);
      return rows;
    });
    return { ...page, items: await Promise.all(page.items.map((row) => this.shown(row))) };
  }

  /** The decision of a row, with its rationale in clear. */
  private async shown(row: DecisionRow): Promise<DecisionDto> {
    return DecisionDto.of({ ...row, decision_rationale: await this.encryption.decrypt({ ...RATIONALE, row: row.id }, row.decision_rationale) });
  }

  /** Tells why a session takes no decision. */
  private async refuse(sessionId: string): Promise<never> {
    const { agentId } = await this.sessions.get(sessionId);
    if (agentId === null) throw new Refused(`session ${sessionId} is no agent's: decisions are recorded in the session of the agent that makes them`, 'session-without-agent');
    return this.sessions.refuse(sessionId, null);
  }
}

/** People judge, or keys that stand for them: agents could else talk each other up. */
function requireJudge(agentId: string): void {
  const { actor } = requireContext().principal;
  if (actor.type !== 'agent') return;
  if (actor.id === agentId) throw new Forbidden(`Agent ${actor.id} made this decision itself: somebody else judges it`, 'own-decision');
  throw new Forbidden(`Decisions are judged by people, and ${actor.name} is an agent`, 'people-only');
}

const digest = (value: unknown): string => `sha256:${hash('sha256', canonicalize(value)!)}`;

/** A decision as it will be written. */
function draftOf(sessionId: string, input: CreateDecisionDto): DraftDecision {
  const rationale = input.decisionRationale ?? null;
  return {
    id: newId(),
    session_id: sessionId,
    decision_type: input.decisionType,
    risk: input.risk ?? 'low',
    input_context: input.inputContext,
    decision_rationale: rationale,
    action_taken: input.actionTaken,
    confidence_score: input.confidenceScore ?? null,
    execution_time_ms: input.executionTimeMs ?? null,
    created_at: new Date(),
    digests: { inputContext: digest(input.inputContext), actionTaken: digest(input.actionTaken), decisionRationale: rationale === null ? null : digest(rationale) },
  };
}
