import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, moment, oneOf, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { Process } from '../process/process.entity.js';
import type { ScheduledTaskDto } from './schedule.dto.js';

/** What happens to times that passed while nobody was there: nothing, one run for all of them, or a run each. */
export const CATCH_UP_POLICIES = ['skip', 'one', 'all'] as const;
export type CatchUpPolicy = (typeof CATCH_UP_POLICIES)[number];

/**
 * Starts a process or creates a task by a cron expression in a time zone. `nextRunAt` moves in the transaction of what it
 * starts, under the row's lock, so a time is fired once however many servers there are.
 */
export const ScheduleSchema = defineEntity({
  name: 'Schedule',
  schema: 'tasks',
  tableName: 'schedule',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    name: p.text(),
    cron: p.text(),
    timeZone: p.text(),
    catchUp: p.text().$type<CatchUpPolicy>(),
    isEnabled: p.boolean(),
    /** What it starts: a process with parameters, or a task. */
    process: () => p.manyToOne(Process).joinColumns('tenant_id', 'process_id').ownColumns('process_id').deleteRule('cascade').updateRule('no action').ref().nullable(),
    parameters: p.json<Record<string, unknown>>().columnType('jsonb'), // of the runs that it starts
    task: p.json<ScheduledTaskDto>().columnType('jsonb').nullable(), // template of the tasks that it creates
    /** Null when it is disabled, or its expression has no time to come. */
    nextRunAt: moment().nullable(),
    lastRunAt: moment().nullable(),
    lastError: p.text().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  uniques: [{ name: 'schedule_name_unique', properties: ['tenantId', 'name'] }],
  indexes: [
    { name: 'schedule_due_index', properties: ['tenantId', 'nextRunAt'], where: 'next_run_at is not null' },
    { name: 'schedule_process_index', properties: ['tenantId', 'process'], where: 'process_id is not null' },
  ],
  checks: [
    { name: 'schedule_name_check', expression: 'length(name) between 1 and 200' },
    { name: 'schedule_cron_check', expression: 'length(cron) between 1 and 200' },
    { name: 'schedule_catch_up_check', expression: oneOf('catch_up', CATCH_UP_POLICIES) },
    { name: 'schedule_target_check', expression: '(process_id is null) <> (task is null)' },
    { name: 'schedule_json_check', expression: [jsonType('parameters', 'object'), jsonType('task', 'object')].join(' and ') },
  ],
});

export class Schedule extends ScheduleSchema.class {}
ScheduleSchema.setClass(Schedule);
