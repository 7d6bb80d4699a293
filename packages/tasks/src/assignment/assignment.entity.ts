import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent } from '@agent-hive/agents';
import { id, jsonType, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { ENDED, type TaskStatus } from '../task/lifecycle.js';
import { Task } from '../task/task.entity.js';

/** One decision on who does a task: all candidates with their scores, who was chosen and why, and later what came of it. */
export const AssignmentSchema = defineEntity({
  name: 'Assignment',
  schema: 'tasks',
  tableName: 'assignment',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    task: () => p.manyToOne(Task).joinColumns('tenant_id', 'task_id').ownColumns('task_id').deleteRule('cascade').updateRule('no action').ref(),
    /** Null when nobody fits. */
    agent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    candidates: p.json<Record<string, unknown>[]>().columnType('jsonb'), // agents with scores and reasons, best first
    reason: p.text(),
    prediction: p.json<Record<string, unknown>>().columnType('jsonb').nullable(), // PredictionDto, as it was at the time
    decidedBy: p.text(),
    decidedAt: moment(),
    /** How the task ended, while this was its last assignment. */
    outcome: p.text().$type<TaskStatus>().nullable(),
    outcomeAt: moment().nullable(),
  },
  indexes: [
    { name: 'assignment_task_index', properties: ['tenantId', 'task', 'id'] },
    { name: 'assignment_agent_index', properties: ['tenantId', 'agent', 'id'], where: 'agent_id is not null' },
  ],
  checks: [
    { name: 'assignment_candidates_check', expression: jsonType('candidates', 'array') },
    { name: 'assignment_prediction_check', expression: jsonType('prediction', 'object') },
    { name: 'assignment_outcome_check', expression: oneOf('outcome', ENDED) },
  ],
});

export class Assignment extends AssignmentSchema.class {}
AssignmentSchema.setClass(Assignment);
