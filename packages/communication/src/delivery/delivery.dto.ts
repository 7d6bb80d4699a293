import { Type } from 'class-transformer';
import { IsBoolean, IsInt, IsOptional, IsString, IsUUID, Max, MaxLength, Min, MinLength } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { PageQuery } from '@agent-hive/kernel/http';
import { AgentMessageDto, type AgentMessageRow } from '../mail/agent-message.dto.js';
import type { DeliveryState } from './delivery.entity.js';

/** How an agent takes what lies in its inbox. */
export class InboxQuery {
  /** Most deliveries, 1 to 100; 10 by default. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  limit: number = 10;

  /** How long to wait when there is none, 0 to 20; 0 by default. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(20)
  waitSeconds: number = 0;

  /** How long nobody else is given them: until then they are to be acknowledged or rejected. 1 to 43200 (12 hours); 60 by default. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(43_200)
  visibilitySeconds: number = 60;
}

/** Who writes about a delivery, and about which hand-out. */
export class SettlementDto {
  /** The recipient, for callers that are no agent themselves. An agent speaks for itself. */
  @IsOptional()
  @IsUUID()
  agentId?: string;

  /** Receipt of the hand-out that this is about; absent, the last one. One that was handed out again since is refused. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  receipt?: number;
}

/** The work that the message asked for is done, or need not be. */
export class AcknowledgeDto extends SettlementDto {}

/** The recipient could not do what the message asks for. */
export class RejectDto extends SettlementDto {
  /** Why: 1 to 1000 characters. */
  @IsString()
  @MinLength(1)
  @MaxLength(1000)
  reason: string;

  /** Whether to hand it out again; `false` makes it a dead letter at once. `true` by default. */
  @IsOptional()
  @IsBoolean()
  requeue?: boolean;

  /** Pause before it is handed out again, up to 12 hours; by default 5 s after the first hand-out and twice as long after each further one, up to 5 minutes. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(43_200)
  delaySeconds?: number;
}

/** Which dead letters to list, newest first. */
export class DeadLetterQuery extends PageQuery {
  /** Only those that this agent did not get. */
  @IsOptional()
  @IsUUID()
  agentId?: string;
}

/** Which deliveries of a message to list, by agent. */
export class DeliveryQuery extends PageQuery {}

/** Row of communication.delivery as SQL returns it. */
export interface DeliveryRow {
  id: string;
  message_id: string;
  agent_id: string;
  state: DeliveryState;
  priority: number;
  attempt: number;
  max_deliveries: number;
  redrive_count: number;
  receipt: number;
  available_at: Date | null;
  expires_at: Date | null;
  sent_at: Date;
  delivered_at: Date | null;
  settled_at: Date | null;
  reason: string | null;
}

/** One message on its way to one agent. */
export class DeliveryDto {
  id: string;
  messageId: string;
  agentId: string;
  state: DeliveryState;
  priority: number;
  /** How often it was handed out since it was sent or redriven. */
  attempt: number;
  maxDeliveries: number;
  redriveCount: number;
  /** While it is delivered, the end of its visibility timeout; while it is pending, the end of its pause; null when it may be handed out at once, and at the end. */
  availableAt: string | null;
  expiresAt: string | null;
  sentAt: string;
  /** The last hand-out. */
  deliveredAt: string | null;
  /** When it was acknowledged or came to another end. */
  settledAt: string | null;
  /** Why it was rejected, or is a dead letter. */
  reason: string | null;

  static of(row: DeliveryRow): DeliveryDto {
    return {
      id: row.id,
      messageId: row.message_id,
      agentId: row.agent_id,
      state: row.state,
      priority: row.priority,
      attempt: row.attempt,
      maxDeliveries: row.max_deliveries,
      redriveCount: row.redrive_count,
      availableAt: iso(row.available_at),
      expiresAt: iso(row.expires_at),
      sentAt: iso(row.sent_at),
      deliveredAt: iso(row.delivered_at),
      settledAt: iso(row.settled_at),
      reason: row.reason,
    };
  }
}

/** A page of deliveries. */
export class DeliveryPage {
  items: DeliveryDto[];
  nextCursor: string | null;
  /** Number of all that match, when asked for. */
  total?: number;
}

/** A delivery with its message as one row; the message is null once its month is gone. */
export interface DeliveredRow extends DeliveryRow {
  message: AgentMessageRow | null;
}

/** A delivery that is the agent's until its visibility timeout ends. */
export class DeliveredDto extends DeliveryDto {
  /** What an acknowledgement or a rejection of this hand-out carries. */
  receipt: number;
  /** What was sent; null when it is older than what is kept. */
  message: AgentMessageDto | null;

  static override of(row: DeliveredRow): DeliveredDto {
    return { ...DeliveryDto.of(row), receipt: row.receipt, message: row.message && AgentMessageDto.of(row.message) };
  }
}

/** A delivery that has come into an inbox, as its stream tells of it. */
export class AnnouncedDto extends DeliveryDto {
  /** What was sent; null when it is older than what is kept. */
  message: AgentMessageDto | null;

  static override of(row: DeliveredRow): AnnouncedDto {
    return { ...DeliveryDto.of(row), message: row.message && AgentMessageDto.of(row.message) };
  }
}

/** What was handed out, in the order of priority and age; nothing when nothing waits. */
export class InboxDto {
  items: DeliveredDto[];
}
