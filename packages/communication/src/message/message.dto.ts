import { ArrayMaxSize, IsArray, IsIn, IsInt, IsObject, IsOptional, IsString, IsUUID, Length, Max, MaxLength, Min } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { IsLine, MaxJsonBytes, oneOfMessage } from '@agent-hive/kernel/http';
import { FEEDBACK, MESSAGE_ROLES, MESSAGE_TYPES, type Feedback, type MessageRole, type MessageType } from './message.entity.js';

const SMALL_JSON_BYTES = 65_536;
const LARGE_JSON_BYTES = 1_048_576;
const INT_MAX = 2_147_483_647;

/** What is said. */
export class CreateMessageDto {
  /** Who speaks; `assistant` is another name of agent. */
  @IsIn([...MESSAGE_ROLES, 'assistant'], oneOfMessage)
  role: MessageRole | 'assistant';

  /** At most 1 MiB as UTF-8, unless the server is set up for less or more; empty only beside tool calls or outputs. */
  @IsString()
  content: string;

  /** `text` by default. */
  @IsOptional()
  @IsIn(MESSAGE_TYPES, oneOfMessage)
  messageType?: MessageType;

  /** The message that this one answers; of the same session. */
  @IsOptional()
  @IsUUID()
  parentMessageId?: string | null;

  /** Tokens that it cost. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(INT_MAX)
  tokensUsed?: number | null;

  /** Language model that wrote it, as its provider names it. */
  @IsOptional()
  @IsLine()
  @Length(1, 200)
  modelUsed?: string | null;

  /** Calls of tools that it asks for. At most 1 MiB as JSON. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsObject({ each: true })
  @MaxJsonBytes(LARGE_JSON_BYTES)
  toolCalls?: Record<string, unknown>[] | null;

  /** What tools answered. At most 1 MiB as JSON. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsObject({ each: true })
  @MaxJsonBytes(LARGE_JSON_BYTES)
  toolOutputs?: Record<string, unknown>[] | null;

  /** What the channel that it came by says of it, such as ids of threads; can be searched. At most 64 KiB as JSON. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(SMALL_JSON_BYTES)
  channelPayload?: Record<string, unknown> | null;

  /** Facts about the message, not interpreted by the hive. At most 64 KiB as JSON. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(SMALL_JSON_BYTES)
  messageMetadata?: Record<string, unknown> | null;

  /** `lastSequence` of the session as the writer knows it (0 before the first message): refused when it is at another. In a list, the first item may state it. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  expectedSequence?: number | null;
}

/** What somebody thinks of a message. */
export class FeedbackDto {
  @IsIn(FEEDBACK, oneOfMessage)
  feedback: Feedback;

  @IsOptional()
  @IsString()
  @MaxLength(5000)
  comment?: string | null;
}

/** Why the content of a message goes. */
export class RedactionDto {
  @IsLine()
  @Length(1, 500)
  reason: string;
}

/** A message as SQL returns it; bigints are texts on a server and numbers on the embedded engine. */
export interface MessageRow {
  id: string;
  session_id: string;
  sequence: string | number;
  role: MessageRole;
  message_type: MessageType;
  content: string;
  parent_message_id: string | null;
  tokens_used: number | null;
  model_used: string | null;
  tool_calls: Record<string, unknown>[] | null;
  tool_outputs: Record<string, unknown>[] | null;
  channel_payload: Record<string, unknown>;
  message_metadata: Record<string, unknown>;
  content_digest: string;
  payload_digest: string | null;
  feedback: Feedback | null;
  feedback_comment: string | null;
  feedback_at: Date | null;
  redacted_at: Date | null;
  redaction_reason: string | null;
  created_at: Date;
  updated_at: Date;
}

/** One message of a session. */
export class MessageDto {
  id: string;
  /** The session that it was written in; of what a fork shares, the one it was forked from. */
  sessionId: string;
  /** Its place in the session: 1, 2, 3 and so on without a gap. */
  sequence: number;
  role: MessageRole;
  messageType: MessageType;
  /** Null once it is redacted. */
  content: string | null;
  parentMessageId: string | null;
  tokensUsed: number | null;
  modelUsed: string | null;
  toolCalls: Record<string, unknown>[] | null;
  toolOutputs: Record<string, unknown>[] | null;
  channelPayload: Record<string, unknown>;
  messageMetadata: Record<string, unknown>;
  /** SHA-256 of the content as UTF-8, in hexadecimal; stays when the content goes. */
  contentDigest: string;
  /** SHA-256 of the canonical JSON (RFC 8785) of `{channelPayload, messageMetadata, toolCalls, toolOutputs}`, if one of them was there. */
  payloadDigest: string | null;
  feedback: Feedback | null;
  feedbackComment: string | null;
  feedbackAt: string | null;
  redactedAt: string | null;
  redactionReason: string | null;
  createdAt: string;
  updatedAt: string;

  static of(row: MessageRow): MessageDto {
    return {
      id: row.id,
      sessionId: row.session_id,
      sequence: Number(row.sequence),
      role: row.role,
      messageType: row.message_type,
      content: row.redacted_at === null ? row.content : null,
      parentMessageId: row.parent_message_id,
      tokensUsed: row.tokens_used,
      modelUsed: row.model_used,
      toolCalls: row.tool_calls,
      toolOutputs: row.tool_outputs,
      channelPayload: row.channel_payload,
      messageMetadata: row.message_metadata,
      contentDigest: row.content_digest,
      payloadDigest: row.payload_digest,
      feedback: row.feedback,
      feedbackComment: row.feedback_comment,
      feedbackAt: iso(row.feedback_at),
      redactedAt: iso(row.redacted_at),
      redactionReason: row.redaction_reason,
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
    };
  }
}

/** Messages that were appended together, in their order. */
export class MessagesDto {
  items: MessageDto[];
}
