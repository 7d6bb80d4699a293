import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { Process } from './process.entity.js';

/** What may start a run. */
export const TRIGGERS = ['manual', 'schedule'] as const;
export type Trigger = (typeof TRIGGERS)[number];

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
    parameters: p.json<Record<string, unknown>>().columnType('jsonb'),
    trigger: p.text().$type<Trigger>(),
    /** The schedule that started it, by plain id: the run outlives it. */
    scheduleId: p.uuid().nullable(),
    /** The root of its tree, by plain id: tasks refer to their run. */
    rootTaskId: p.uuid(),
    createdAt: createdAt(),
  },
  indexes: [{ name: 'process_run_process_index', properties: ['tenantId', 'process', 'id'] }],
  checks: [
    { name: 'process_run_parameters_check', expression: jsonType('parameters', 'object') },
    { name: 'process_run_trigger_check', expression: oneOf('trigger', TRIGGERS) },
  ],
});

export class ProcessRun extends ProcessRunSchema.class {}
ProcessRunSchema.setClass(ProcessRun);
