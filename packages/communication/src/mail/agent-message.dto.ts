import { IsDefined, IsIn, IsInt, IsObject, IsOptional, IsUUID, Max, MaxLength, Min } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { IsLine, MaxJsonBytes, PageQuery } from '@agent-hive/kernel/http';
import { AGENT_MESSAGE_TYPES, type AgentMessageType } from './agent-message.entity.js';

const typeMessage = { message: 'type must be one of: $constraint1' };

/** Most bytes of a content, as JSON. */
export const CONTENT_MAX_BYTES = 262_144;

/** A message to be sent: to one agent (`toAgentId`), to a topic (`topic`), to all agents (`type` broadcast), or back to the sender of another (`replyTo`). */
export class SendDto {
  /** The sender. An agent speaks for itself. */
  @IsUUID()
  fromAgentId: string;

  /** The one recipient. */
  @IsOptional()
  @IsUUID()
  toAgentId?: string;

  /** A topic: each agent that is subscribed at this moment gets it. */
  @IsOptional()
  @IsLine()
  @MaxLength(100)
  topic?: string;

  /** `reply` answers a message; `broadcast` goes to every agent that is not shut down, but the sender; a `request` asks for a reply. */
  @IsIn(AGENT_MESSAGE_TYPES, typeMessage)
  type: AgentMessageType;

  /** Any JSON but null, at most 256 KiB. */
  @IsDefined()
  @MaxJsonBytes(CONTENT_MAX_BYTES)
  content: unknown;

  /** What a request and its replies have in common; of a request the id of its message by default, of a reply that of what it answers. */
  @IsOptional()
  @IsLine()
  @MaxLength(200)
  correlationId?: string;

  /** The message that this one answers, which the sender was given; it goes to that one's sender. */
  @IsOptional()
  @IsUUID()
  replyTo?: string;

  /** 0 to 9, the higher first; 5 by default. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(9)
  priority?: number;

  /** How long it is worth handing out, 1 s to 90 days; absent, it does not expire. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(7_776_000)
  ttlSeconds?: number;

  /** How often it is handed out to a recipient before it is a dead letter, 1 to 100; 5 by default. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  maxDeliveries?: number;

  /** Anything that the sender keeps with it, at most 64 KiB. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(65_536)
  metadata?: Record<string, unknown>;
}

/** Which messages to list, newest first. */
export class AgentMessageQuery extends PageQuery {
  /** Those that an agent sent. */
  @IsOptional()
  @IsUUID()
  fromAgentId?: string;

  /** Those that were sent to an agent alone. */
  @IsOptional()
  @IsUUID()
  toAgentId?: string;

  @IsOptional()
  @IsLine()
  @MaxLength(100)
  topic?: string;

  /** A request and its replies. */
  @IsOptional()
  @IsLine()
  @MaxLength(200)
  correlationId?: string;

  @IsOptional()
  @IsIn(AGENT_MESSAGE_TYPES, typeMessage)
  type?: AgentMessageType;
}

/** Row of communication.agent_message as SQL returns it, by itself or as JSON within another row. */
export interface AgentMessageRow {
  id: string;
  from_agent_id: string;
  to_agent_id: string | null;
  topic: string | null;
  type: AgentMessageType;
  content: unknown;
  correlation_id: string | null;
  reply_to: string | null;
  priority: number;
  max_deliveries: number;
  expires_at: Date | string | null;
  message_metadata: Record<string, unknown>;
  recipient_count: number;
  sent_at: Date | string;
}

/** What an agent sent. */
export class AgentMessageDto {
  id: string;
  fromAgentId: string;
  toAgentId: string | null;
  topic: string | null;
  type: AgentMessageType;
  content: unknown;
  correlationId: string | null;
  replyTo: string | null;
  priority: number;
  maxDeliveries: number;
  expiresAt: string | null;
  metadata: Record<string, unknown>;
  /** How many agents it was sent to: each has a delivery of its own. */
  recipientCount: number;
  sentAt: string;

  static of(row: AgentMessageRow): AgentMessageDto {
    return {
      id: row.id,
      fromAgentId: row.from_agent_id,
      toAgentId: row.to_agent_id,
      topic: row.topic,
      type: row.type,
      content: row.content,
      correlationId: row.correlation_id,
      replyTo: row.reply_to,
      priority: row.priority,
      maxDeliveries: row.max_deliveries,
      expiresAt: iso(row.expires_at),
      metadata: row.message_metadata,
      recipientCount: row.recipient_count,
      sentAt: iso(row.sent_at),
    };
  }
}

/** A page of messages, newest first. */
export class AgentMessagePage {
  items: AgentMessageDto[];
  nextCursor: string | null;
  /** Number of all that match, when asked for. */
  total?: number;
}
