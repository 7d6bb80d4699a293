import { defineEntity, p } from '@mikro-orm/postgresql';
import { id, jsonType, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { OUTCOMES, type Outcome } from '../task/lifecycle.js';

/**
 * One try at a task by one agent, under one fencing token. It has an outcome exactly when it has ended, and then never
 * changes. Its ids are plain: foreign keys were half of the cost of a claim (docs/adr/0012).
 */
export const AttemptSchema = defineEntity({
  name: 'Attempt',
  schema: 'tasks',
  tableName: 'attempt',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    taskId: p.uuid(),
    agentId: p.uuid(),
    fencingToken: p.bigint('number'),
    /** Counts from 1 since the task was created or redriven. */
    number: p.integer(),
    redrive: p.integer(),
    claimedAt: moment(),
    endedAt: moment().nullable(),
    outcome: p.text().$type<Outcome>().nullable(),
    error: p.json<Record<string, unknown>>().columnType('jsonb').nullable(), // message, code, retryable
    progress: p.smallint().nullable(),
    /** What the agent says that the attempt cost it. */
    costUsd: p.double().name('cost_usd').nullable(),
    inputTokens: p.bigint('number').nullable(),
    outputTokens: p.bigint('number').nullable(),
  },
  indexes: [
    { name: 'attempt_task_index', properties: ['tenantId', 'taskId', 'id'] },
    { name: 'attempt_agent_index', properties: ['tenantId', 'agentId', 'id'] },
  ],
  checks: [
    { name: 'attempt_outcome_check', expression: oneOf('outcome', OUTCOMES) },
    { name: 'attempt_ended_at_check', expression: '(outcome is null) = (ended_at is null)' },
    { name: 'attempt_error_check', expression: jsonType('error', 'object') },
    { name: 'attempt_usage_check', expression: 'cost_usd >= 0 and input_tokens >= 0 and output_tokens >= 0' },
  ],
});

export class Attempt extends AttemptSchema.class {}
AttemptSchema.setClass(Attempt);
