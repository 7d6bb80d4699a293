import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent } from '@agent-hive/agents';
import { User } from '@agent-hive/identity';
import { createdAt, id, jsonType, moment, oneOf, tenantId, tenantSecurity, updatedAt } from '@agent-hive/kernel';
import { INTERACTION_STATUSES, INTERACTION_TYPES, type InteractionStatus, type InteractionType } from './lifecycle.js';

/** What an approval allows: one call of a name with these parameters. */
export interface Action {
  name: string;
  parameters: Record<string, unknown>;
}

const INDEX = (name: string, rest: string) => ({ name, expression: `create index "${name}" on "trust"."interaction" ${rest}` });

/**
 * What an agent asks of a person. It leaves `pending` once, an approval is used once, and an approved action never changes.
 * Rows are moved by compare-and-set in the .sql.ts files, never through the unit of work.
 */
export const InteractionSchema = defineEntity({
  name: 'Interaction',
  schema: 'trust',
  tableName: 'interaction',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    type: p.text().$type<InteractionType>(),
    status: p.text().$type<InteractionStatus>(),
    /** What it is about: plain ids, since the question outlives its subject. */
    subjectType: p.text().nullable(),
    subjectId: p.uuid().nullable(),
    /** Who asks; null for a service. */
    agent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    /** A plain id. */
    sessionId: p.uuid().nullable(),
    content: p.json<string | Record<string, unknown>>().columnType('jsonb'), // what the person reads: a text or an object
    options: p.json<string[]>().columnType('jsonb').nullable(), // texts to choose from
    priority: p.smallint(),
    action: p.json<Action>().columnType('jsonb').nullable(), // name and parameters, canonical
    /** sha256 of the action's canonical JSON, in hexadecimal. */
    actionDigest: p.text().nullable(),
    response: p.json<unknown>().columnType('jsonb').nullable(), // the person's: any JSON
    respondedAt: moment().nullable(),
    /** The user who answered; null for a key that is nobody's, and once the user is deleted. */
    respondedBy: () => p.manyToOne(User).joinColumns('tenant_id', 'responded_by_id').ownColumns('responded_by_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    respondedByName: p.text().nullable(),
    usedAt: moment().nullable(),
    /** Until when it can be answered and, once approved, used. */
    expiresAt: moment().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  indexes: [
    INDEX('interaction_status_index', `("tenant_id", "status", "id")`),
    INDEX('interaction_type_index', `("tenant_id", "type", "id")`),
    INDEX('interaction_urgency_index', `("tenant_id", "priority" desc, "id") where status = 'pending'`),
    INDEX('interaction_expiry_index', `("tenant_id", "expires_at") where status = 'pending' and expires_at is not null`),
    INDEX('interaction_agent_index', `("tenant_id", "agent_id", "id") where agent_id is not null`),
    INDEX('interaction_session_index', `("tenant_id", "session_id", "id") where session_id is not null`),
    INDEX('interaction_subject_index', `("tenant_id", "subject_id", "id") where subject_id is not null`),
    INDEX('interaction_action_index', `("tenant_id", "agent_id", "action_digest", "id") where action_digest is not null and agent_id is not null`),
    INDEX('interaction_responded_by_index', `("tenant_id", "responded_by_id", "id") where responded_by_id is not null`),
  ],
  checks: [
    { name: 'interaction_type_check', expression: oneOf('type', INTERACTION_TYPES) },
    { name: 'interaction_status_check', expression: oneOf('status', INTERACTION_STATUSES) },
    { name: 'interaction_subject_check', expression: '(subject_type is null) = (subject_id is null) and length(subject_type) between 1 and 100' },
    { name: 'interaction_priority_check', expression: 'priority between 0 and 9' },
    { name: 'interaction_content_check', expression: `jsonb_typeof(content) = 'string' or jsonb_typeof(content) = 'object'` },
    { name: 'interaction_json_check', expression: `${jsonType('options', 'array')} and jsonb_typeof(response) <> 'null'` },
    { name: 'interaction_action_check', expression: `${jsonType('action', 'object')} and (action is null) = (action_digest is null) and (action is null or type = 'approval_request') and action_digest ~ '^[0-9a-f]{64}$'` },
    { name: 'interaction_response_check', expression: `(status = 'approved' or status = 'rejected' or status = 'answered' or status = 'acknowledged') = (responded_at is not null)` },
    { name: 'interaction_approved_check', expression: `status <> 'approved' or type = 'approval_request'` },
    { name: 'interaction_used_check', expression: `used_at is null or (status = 'approved' and action is not null)` },
  ],
});

export class Interaction extends InteractionSchema.class {}
InteractionSchema.setClass(Interaction);
