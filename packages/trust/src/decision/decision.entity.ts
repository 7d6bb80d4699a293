import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent, Session } from '@agent-hive/agents';
import { RISKS, SENSITIVE, type Risk } from '@agent-hive/audit';
import { createdAt, id, jsonType, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** What an agent decides on. Each is an action class of its own. */
export const DECISION_TYPES = ['code_generation', 'review', 'test', 'refactor', 'design', 'documentation', 'security_check', 'planning', 'tool_use', 'other'] as const;
export type DecisionType = (typeof DECISION_TYPES)[number];

/** What people think of a decision. It leaves `pending` once. */
export const USER_FEEDBACK = ['pending', 'approved', 'rejected', 'modified'] as const;
export type UserFeedback = (typeof USER_FEEDBACK)[number];

/** What an authorization comes to. */
export const OUTCOMES = ['allowed', 'needs_approval', 'refused'] as const;
export type Outcome = (typeof OUTCOMES)[number];

type Json = Record<string, unknown>;

const INDEX = (name: string, rest: string) => ({ name, expression: `create index "${name}" on "trust"."decision" ${rest}` });

/**
 * What an agent decided, why, how sure it was, what the gate said, and what people thought of it. What was decided never changes;
 * feedback is given once. Partitioned by the month of the id, so nothing refers to it by a foreign key. Written by decision.sql.ts.
 */
export const DecisionSchema = defineEntity({
  name: 'Decision',
  schema: 'trust',
  tableName: 'decision',
  ...tenantSecurity,
  partitionBy: { type: 'range', expression: 'id', partitions: [{ name: 'trust.decision_default', values: 'default' }] },
  properties: {
    tenantId: tenantId(),
    id: id(),
    session: () => p.manyToOne(Session).joinColumns('tenant_id', 'session_id').ownColumns('session_id').deleteRule('restrict').updateRule('no action').ref(),
    agent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref(),
    decisionType: p.text().$type<DecisionType>(),
    risk: p.text().$type<Risk>(),
    inputContext: p.json<Json>().columnType('jsonb'), // what the agent knew
    decisionRationale: p.text().nullable().comment(SENSITIVE),
    actionTaken: p.json<Json>().columnType('jsonb'), // what it decided to do
    confidenceScore: p.decimal('number').precision(3).scale(2).nullable(),
    executionTimeMs: p.integer().nullable(),
    outcome: p.text().$type<Outcome>(),
    outcomeReason: p.text(),
    /** Level that it was judged by, as its place in TRUST_LEVELS. */
    trustLevel: p.smallint(),
    /** The approval that it waits for, or that allowed it: a plain id. */
    interactionId: p.uuid().nullable(),
    userFeedback: p.text().$type<UserFeedback>().default('pending'),
    feedbackComment: p.text().nullable(),
    /** Who judged it: plain ids, since the judgement outlives its author. */
    feedbackById: p.uuid().nullable(),
    feedbackByName: p.text().nullable(),
    feedbackAt: moment().nullable(),
    createdAt: createdAt(),
  },
  indexes: [
    INDEX('decision_session_index', `("tenant_id", "session_id", "id")`),
    INDEX('decision_agent_index', `("tenant_id", "agent_id", "id")`),
    INDEX('decision_type_index', `("tenant_id", "agent_id", "decision_type", "id")`),
    INDEX('decision_feedback_index', `("tenant_id", "agent_id", "user_feedback", "id")`),
    INDEX('decision_feedback_by_index', `("tenant_id", "feedback_by_id", "id") where feedback_by_id is not null`),
  ],
  checks: [
    { name: 'decision_decision_type_check', expression: oneOf('decision_type', DECISION_TYPES) },
    { name: 'decision_risk_check', expression: oneOf('risk', RISKS) },
    { name: 'decision_input_context_check', expression: jsonType('input_context', 'object') },
    { name: 'decision_action_taken_check', expression: jsonType('action_taken', 'object') },
    { name: 'decision_confidence_score_check', expression: 'confidence_score between 0 and 1' },
    { name: 'decision_execution_time_ms_check', expression: 'execution_time_ms >= 0' },
    { name: 'decision_outcome_check', expression: oneOf('outcome', OUTCOMES) },
    { name: 'decision_trust_level_check', expression: 'trust_level between 0 and 4' },
    { name: 'decision_user_feedback_check', expression: oneOf('user_feedback', USER_FEEDBACK) },
    { name: 'decision_feedback_at_check', expression: `(feedback_at is null) = (user_feedback = 'pending')` },
  ],
});

export class Decision extends DecisionSchema.class {}
DecisionSchema.setClass(Decision);
