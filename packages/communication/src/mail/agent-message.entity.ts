import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent } from '@agent-hive/agents';
import { id, jsonType, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** What a message is for. A reply answers a message that its sender was given; a broadcast goes to every agent but its sender. */
export const AGENT_MESSAGE_TYPES = ['message', 'request', 'reply', 'event', 'command', 'broadcast'] as const;
export type AgentMessageType = (typeof AGENT_MESSAGE_TYPES)[number];

/**
 * What one agent tells another, the subscribers of a topic, or all agents. Never changes once it is sent: what becomes of it
 * is told by its deliveries. Partitioned by the month of the id.
 */
export const AgentMessageSchema = defineEntity({
  name: 'AgentMessage',
  schema: 'communication',
  tableName: 'agent_message',
  ...tenantSecurity,
  partitionBy: { type: 'range', expression: 'id', partitions: [{ name: 'communication.agent_message_default', values: 'default' }] },
  properties: {
    tenantId: tenantId(),
    id: id(),
    fromAgent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'from_agent_id').ownColumns('from_agent_id').deleteRule('restrict').updateRule('no action').ref(),
    /** The one recipient; null for a topic and for a broadcast. */
    toAgent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'to_agent_id').ownColumns('to_agent_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    /** Name of the topic, which may be gone by now. */
    topic: p.text().nullable(),
    type: p.text().$type<AgentMessageType>(),
    content: p.json<unknown>().columnType('jsonb'), // what is said: any JSON but null
    /** What a request and its replies have in common. */
    correlationId: p.text().nullable(),
    /** The message that this one answers: a plain id, since no key may point into a partitioned table. */
    replyTo: p.uuid().nullable(),
    priority: p.smallint(),
    maxDeliveries: p.smallint(),
    expiresAt: moment().nullable(),
    messageMetadata: p.json<Record<string, unknown>>().columnType('jsonb'), // the sender's own
    recipientCount: p.integer(),
    sentAt: moment(),
  },
  indexes: [
    { name: 'agent_message_from_index', properties: ['tenantId', 'fromAgent', 'id'] },
    { name: 'agent_message_to_index', properties: ['tenantId', 'toAgent', 'id'], where: 'to_agent_id is not null' },
    { name: 'agent_message_topic_index', properties: ['tenantId', 'topic', 'id'], where: 'topic is not null' },
    { name: 'agent_message_correlation_index', properties: ['tenantId', 'correlationId', 'id'], where: 'correlation_id is not null' },
  ],
  checks: [
    { name: 'agent_message_type_check', expression: oneOf('type', AGENT_MESSAGE_TYPES) },
    { name: 'agent_message_address_check', expression: `num_nonnulls(to_agent_id, topic) = case when type = 'broadcast' then 0 else 1 end` },
    { name: 'agent_message_topic_check', expression: 'length(topic) between 1 and 100' },
    { name: 'agent_message_correlation_id_check', expression: 'length(correlation_id) between 1 and 200' },
    { name: 'agent_message_priority_check', expression: 'priority between 0 and 9' },
    { name: 'agent_message_max_deliveries_check', expression: 'max_deliveries between 1 and 100' },
    { name: 'agent_message_recipient_count_check', expression: 'recipient_count >= 0' },
    { name: 'agent_message_content_check', expression: `jsonb_typeof(content) <> 'null'` },
    { name: 'agent_message_message_metadata_check', expression: jsonType('message_metadata', 'object') },
  ],
});

export class AgentMessage extends AgentMessageSchema.class {}
AgentMessageSchema.setClass(AgentMessage);
