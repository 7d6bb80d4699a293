import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, moment, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { Process } from '../process/process.entity.js';

/** Which events start something, beside their action: what is given must be equal. */
export interface EventFilter {
  subjectType?: string;
  subjectId?: string;
  agentId?: string;
}

/**
 * Starts runs of a process by events of the feed. `sequence` moves in the transaction of the run that an event starts, under the row's
 * lock, so an event starts one run however many servers there are.
 */
export const EventTriggerSchema = defineEntity({
  name: 'EventTrigger',
  schema: 'tasks',
  tableName: 'event_trigger',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    name: p.text(),
    process: () => p.manyToOne(Process).joinColumns('tenant_id', 'process_id').ownColumns('process_id').deleteRule('cascade').updateRule('no action').ref(),
    actions: p.json<string[]>().columnType('jsonb'), // patterns, none twice
    filter: p.json<EventFilter>().columnType('jsonb'), // EventFilterDto
    parameters: p.json<Record<string, unknown>>().columnType('jsonb'), // of the runs, with placeholders for what the event has
    maxPerMinute: p.integer(),
    isEnabled: p.boolean(),
    /** Events up to here are dealt with. */
    sequence: p.bigint('number'),
    lastFiredAt: moment().nullable(),
    lastError: p.text().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  uniques: [{ name: 'event_trigger_name_unique', properties: ['tenantId', 'name'] }],
  indexes: [
    { name: 'event_trigger_sequence_index', properties: ['tenantId', 'sequence'], where: 'is_enabled' },
    { name: 'event_trigger_process_index', properties: ['tenantId', 'process'] },
  ],
  checks: [
    { name: 'event_trigger_name_check', expression: 'length(name) between 1 and 200' },
    { name: 'event_trigger_json_check', expression: [jsonType('actions', 'array'), jsonType('filter', 'object'), jsonType('parameters', 'object')].join(' and ') },
    { name: 'event_trigger_max_per_minute_check', expression: 'max_per_minute between 1 and 1000' },
    { name: 'event_trigger_sequence_check', expression: 'sequence >= 0' },
  ],
});

export class EventTrigger extends EventTriggerSchema.class {}
EventTriggerSchema.setClass(EventTrigger);
