import { defineEntity, p } from '@mikro-orm/postgresql';
import { Session } from '@agent-hive/agents';
import { createdAt, id, jsonType, moment, oneOf, tenantId, tenantSecurity, updatedAt } from '@agent-hive/kernel';

/** Who speaks. `assistant` is taken as another name of agent. */
export const MESSAGE_ROLES = ['user', 'agent', 'system', 'tool'] as const;
export type MessageRole = (typeof MESSAGE_ROLES)[number];

/** What a message is. */
export const MESSAGE_TYPES = ['text', 'code', 'command', 'file', 'error', 'warning', 'info', 'tool_call', 'tool_result'] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** What somebody thought of a message. */
export const FEEDBACK = ['pending', 'approved', 'rejected', 'modified'] as const;
export type Feedback = (typeof FEEDBACK)[number];

type Json = Record<string, unknown>;

/**
 * One message of a session. Its sequence was given under the lock of the session's row, so that there is no gap and none twice; what was
 * said never changes, but can be redacted, and its digests stay. Partitioned by the month of the id. Written by message-append.sql.ts.
 */
export const MessageSchema = defineEntity({
  name: 'Message',
  schema: 'communication',
  tableName: 'message',
  ...tenantSecurity,
  partitionBy: { type: 'range', expression: 'id', partitions: [{ name: 'communication.message_default', values: 'default' }] },
  properties: {
    tenantId: tenantId(),
    id: id(),
    session: () => p.manyToOne(Session).joinColumns('tenant_id', 'session_id').ownColumns('session_id').deleteRule('restrict').updateRule('no action').ref(),
    sequence: p.bigint('number'),
    role: p.text().$type<MessageRole>(),
    messageType: p.text().$type<MessageType>(),
    content: p.text(),
    parentMessageId: p.uuid().nullable(),
    tokensUsed: p.integer().nullable(),
    modelUsed: p.text().nullable(),
    toolCalls: p.json<Json[]>().columnType('jsonb').nullable(), // what the model asked to be called
    toolOutputs: p.json<Json[]>().columnType('jsonb').nullable(), // what came of it
    channelPayload: p.json<Json>().columnType('jsonb').defaultRaw(`'{}'::jsonb`), // as the channel sent it
    messageMetadata: p.json<Json>().columnType('jsonb').defaultRaw(`'{}'::jsonb`), // the caller's own
    sizeBytes: p.integer(),
    contentDigest: p.text(),
    payloadDigest: p.text().nullable(),
    feedback: p.text().$type<Feedback>().nullable(),
    feedbackComment: p.text().nullable(),
    feedbackAt: moment().nullable(),
    redactedAt: moment().nullable(),
    redactionReason: p.text().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  indexes: [
    { name: 'message_session_index', properties: ['tenantId', 'session', 'sequence'] },
    { name: 'message_parent_index', properties: ['tenantId', 'parentMessageId', 'sequence'], where: 'parent_message_id is not null' },
    { name: 'message_search_index', expression: `create index "message_search_index" on "communication"."message" using gin ("tenant_id", to_tsvector('simple', left("content", 100000)))` },
    { name: 'message_channel_payload_index', expression: `create index "message_channel_payload_index" on "communication"."message" using gin ("tenant_id", "channel_payload" jsonb_path_ops) where channel_payload <> '{}'` },
  ],
  checks: [
    { name: 'message_sequence_check', expression: 'sequence >= 1' },
    { name: 'message_role_check', expression: oneOf('role', MESSAGE_ROLES) },
    { name: 'message_message_type_check', expression: oneOf('message_type', MESSAGE_TYPES) },
    { name: 'message_tokens_used_check', expression: 'tokens_used >= 0' },
    { name: 'message_model_used_check', expression: 'length(model_used) between 1 and 200' },
    { name: 'message_tool_calls_check', expression: jsonType('tool_calls', 'array') },
    { name: 'message_tool_outputs_check', expression: jsonType('tool_outputs', 'array') },
    { name: 'message_channel_payload_check', expression: jsonType('channel_payload', 'object') },
    { name: 'message_message_metadata_check', expression: jsonType('message_metadata', 'object') },
    { name: 'message_content_digest_check', expression: 'length(content_digest) = 64' },
    { name: 'message_feedback_check', expression: oneOf('feedback', FEEDBACK) },
    { name: 'message_redaction_check', expression: `redacted_at is null or (content = '' and tool_calls is null and tool_outputs is null and channel_payload = '{}' and message_metadata = '{}' and redaction_reason is not null)` },
  ],
});

export class Message extends MessageSchema.class {}
MessageSchema.setClass(Message);
