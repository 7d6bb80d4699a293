import { defineEntity, p } from '@mikro-orm/postgresql';
import { id, jsonType, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** How much could go wrong by what was done. */
export const RISKS = ['low', 'medium', 'high', 'critical'] as const;
export type Risk = (typeof RISKS)[number];

/** Who can act. */
export const ACTOR_TYPES = ['user', 'agent', 'service'] as const;

type State = Record<string, unknown>;

/**
 * One thing that happened. Entries are only added: the application's role may neither change nor delete one. They carry
 * plain ids and no foreign keys, since the record outlives what it is about. Partitioned by the month of the id.
 */
export const EntrySchema = defineEntity({
  name: 'Entry',
  schema: 'audit',
  tableName: 'entry',
  ...tenantSecurity,
  partitionBy: { type: 'range', expression: 'id', partitions: [{ name: 'audit.entry_default', values: 'default' }] },
  properties: {
    tenantId: tenantId(),
    id: id(),
    occurredAt: moment(),
    actorType: p.text().$type<(typeof ACTOR_TYPES)[number]>(),
    actorId: p.uuid().nullable(),
    actorName: p.text(),
    action: p.text(),
    subjectType: p.text(),
    subjectId: p.text(),
    agentId: p.uuid().nullable(),
    sessionId: p.uuid().nullable(),
    risk: p.text().$type<Risk>().nullable(),
    previousState: p.json<State>().columnType('jsonb').nullable(), // columns before the change, by property; of an update, the changed ones
    newState: p.json<State>().columnType('jsonb').nullable(), // columns after it
    details: p.json<State>().columnType('jsonb').nullable(), // of an action that is no change of a row
    requestId: p.text().nullable(),
    ip: p.type('inet').$type<string>().nullable(),
    userAgent: p.text().nullable(),
  },
  indexes: [
    { name: 'entry_subject_index', properties: ['tenantId', 'subjectType', 'subjectId', 'id'] },
    { name: 'entry_actor_index', properties: ['tenantId', 'actorId', 'id'], where: 'actor_id is not null' },
    { name: 'entry_agent_index', properties: ['tenantId', 'agentId', 'id'], where: 'agent_id is not null' },
    { name: 'entry_session_index', properties: ['tenantId', 'sessionId', 'id'], where: 'session_id is not null' },
    { name: 'entry_action_index', properties: ['tenantId', 'action', 'id'] },
    { name: 'entry_risk_index', properties: ['tenantId', 'risk', 'id'], where: 'risk is not null' },
  ],
  checks: [
    { name: 'entry_actor_type_check', expression: oneOf('actor_type', ACTOR_TYPES) },
    { name: 'entry_risk_check', expression: oneOf('risk', RISKS) },
    { name: 'entry_action_check', expression: 'length(action) between 1 and 100' },
    { name: 'entry_subject_type_check', expression: 'length(subject_type) between 1 and 50' },
    { name: 'entry_previous_state_check', expression: jsonType('previous_state', 'object') },
    { name: 'entry_new_state_check', expression: jsonType('new_state', 'object') },
    { name: 'entry_details_check', expression: jsonType('details', 'object') },
  ],
});

export class Entry extends EntrySchema.class {}
EntrySchema.setClass(Entry);
