import { IsIn, IsInt, IsNumber, IsObject, IsOptional, IsString, Length, Max, MaxLength, Min } from 'class-validator';
import { TRUST_LEVELS } from '@agent-hive/agents';
import { RISKS, type Risk } from '@agent-hive/audit';
import { iso } from '@agent-hive/kernel';
import { MaxJsonBytes, oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import { AuthorizationDto } from '../authorization/authorization.dto.js';
import { DECISION_TYPES, USER_FEEDBACK, type DecisionType, type Outcome, type UserFeedback } from './decision.entity.js';

const JSON_BYTES = 65_536;
const INT_MAX = 2_147_483_647;

/** What an agent decided. */
export class CreateDecisionDto {
  /** Also the action class by which it is trusted. */
  @IsIn(DECISION_TYPES, oneOfMessage)
  decisionType: DecisionType;

  /** What it knew; at most 64 KiB as JSON. */
  @IsObject()
  @MaxJsonBytes(JSON_BYTES)
  inputContext: Record<string, unknown>;

  /** What it decided to do; at most 64 KiB as JSON. An approval is bound to it. */
  @IsObject()
  @MaxJsonBytes(JSON_BYTES)
  actionTaken: Record<string, unknown>;

  /** Why. The record keeps a digest of it only. */
  @IsOptional()
  @IsString()
  @Length(1, 20_000)
  decisionRationale?: string | null;

  /** How sure it is, as the probability of being approved: 0 to 1, two decimals at most. */
  @IsOptional()
  @IsNumber({ maxDecimalPlaces: 2 })
  @Min(0)
  @Max(1)
  confidenceScore?: number | null;

  /** How much could go wrong by it; low by default. */
  @IsOptional()
  @IsIn(RISKS, oneOfMessage)
  risk?: Risk;

  /** How long it took to decide, in milliseconds. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(INT_MAX)
  executionTimeMs?: number | null;
}

/** What a person thinks of a decision. */
export class DecisionFeedbackDto {
  /** `modified` is neither: it was right but for what had to be changed. */
  @IsIn(USER_FEEDBACK.slice(1), oneOfMessage)
  feedback: Exclude<UserFeedback, 'pending'>;

  @IsOptional()
  @IsString()
  @MaxLength(5000)
  comment?: string | null;
}

/** Which decisions of an agent to list, newest first. */
export class AgentDecisionQuery extends PageQuery {
  @IsOptional()
  @IsIn(DECISION_TYPES, oneOfMessage)
  type?: DecisionType;

  @IsOptional()
  @IsIn(USER_FEEDBACK, oneOfMessage)
  feedback?: UserFeedback;
}

/** A decision as SQL returns it; numerics are texts. */
export interface DecisionRow {
  id: string;
  session_id: string;
  agent_id: string;
  decision_type: DecisionType;
  risk: Risk;
  input_context: Record<string, unknown>;
  decision_rationale: string | null;
  action_taken: Record<string, unknown>;
  confidence_score: string | number | null;
  execution_time_ms: number | null;
  outcome: Outcome;
  outcome_reason: string;
  trust_level: number;
  interaction_id: string | null;
  user_feedback: UserFeedback;
  feedback_comment: string | null;
  feedback_by_id: string | null;
  feedback_by_name: string | null;
  feedback_at: Date | string | null;
  created_at: Date | string;
}

/** What an agent decided, whether it might, and what people thought of it. */
export class DecisionDto {
  id: string;
  sessionId: string;
  agentId: string;
  decisionType: DecisionType;
  risk: Risk;
  inputContext: Record<string, unknown>;
  decisionRationale: string | null;
  actionTaken: Record<string, unknown>;
  confidenceScore: number | null;
  executionTimeMs: number | null;
  /** What the gate said when it was made. */
  authorization: AuthorizationDto;
  userFeedback: UserFeedback;
  feedbackComment: string | null;
  feedbackById: string | null;
  feedbackBy: string | null;
  feedbackAt: string | null;
  createdAt: string;

  static of(row: DecisionRow): DecisionDto {
    return {
      id: row.id,
      sessionId: row.session_id,
      agentId: row.agent_id,
      decisionType: row.decision_type,
      risk: row.risk,
      inputContext: row.input_context,
      decisionRationale: row.decision_rationale,
      actionTaken: row.action_taken,
      confidenceScore: row.confidence_score === null ? null : Number(row.confidence_score),
      executionTimeMs: row.execution_time_ms,
      authorization: { outcome: row.outcome, reason: row.outcome_reason, level: TRUST_LEVELS[row.trust_level]!, interactionId: row.interaction_id },
      userFeedback: row.user_feedback,
      feedbackComment: row.feedback_comment,
      feedbackById: row.feedback_by_id,
      feedbackBy: row.feedback_by_name,
      feedbackAt: iso(row.feedback_at),
      createdAt: iso(row.created_at),
    };
  }
}

/** A page of decisions, newest first. */
export class DecisionPage {
  items: DecisionDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching decisions, when asked for. */
  total?: number;
}
