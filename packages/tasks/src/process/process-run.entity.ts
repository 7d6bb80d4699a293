import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { Process } from './process.entity.js';

/** What may start a run. */
export const TRIGGERS = ['manual', 'schedule', 'event'] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** What can become of a run. It ends as its root task does. */
export const RUN_STATES = ['running', 'succeeded', 'failed', 'cancelled'] as const;
export type RunState = (typeof RUN_STATES)[number];

/** One run of a process: the task tree that was made for it. Its state is derived from those tasks and stored nowhere. */
export const ProcessRunSchema = defineEntity({
  name: 'ProcessRun',
  schema: 'tasks',
  tableName: 'process_run',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    process: () => p.manyToOne(Process).joinColumns('tenant_id', 'process_id').ownColumns('process_id').deleteRule('cascade').updateRule('no action').ref(),
    processVersion: p.integer(),
    parameters: p.json<Record<string, unknown>>().columnType('jsonb'), // as the version's schema wants them
    trigger: p.text().$type<Trigger>(),
    /** The schedule that started it, by plain id: the run outlives it. */
    scheduleId: p.uuid().nullable(),
    /** The event trigger that started it, by plain id too. */
    eventTriggerId: p.uuid().nullable(),
    /** Event triggers that led to it, one by what the other started, first to last. */
    lineage: p.json<string[]>().columnType('jsonb').defaultRaw(`'[]'`),
    /** The root of its tree, by plain id: tasks refer to their run. */
    rootTaskId: p.uuid(),
    /** The task of each step, by the step's key. */
    stepTasks: p.json<Record<string, string>>().columnType('jsonb'),
    createdAt: createdAt(),
  },
  indexes: [
    { name: 'process_run_process_index', properties: ['tenantId', 'process', 'id'] },
    { name: 'process_run_event_trigger_index', properties: ['tenantId', 'eventTriggerId', 'id'], where: 'event_trigger_id is not null' },
  ],
  checks: [
    { name: 'process_run_parameters_check', expression: jsonType('parameters', 'object') },
    { name: 'process_run_step_tasks_check', expression: jsonType('step_tasks', 'object') },
    { name: 'process_run_lineage_check', expression: jsonType('lineage', 'array') },
    { name: 'process_run_trigger_check', expression: oneOf('trigger', TRIGGERS) },
  ],
});

export class ProcessRun extends ProcessRunSchema.class {}
ProcessRunSchema.setClass(ProcessRun);
