import { ArrayMaxSize, ArrayMinSize, IsBoolean, IsIn, IsInt, IsOptional, IsString, IsUUID, Length, Matches, Max, Min, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import { IsPatternList } from '../feed/pattern.dto.js';
import { SECRET_PATTERN } from './secret.js';
import { WEBHOOK_DELIVERY_STATUSES, type LoggedAttempt, type WebhookDeliveryStatus } from './webhook-delivery.entity.js';

const secretMessage = { message: '$property must be whsec_ and 24 to 64 bytes in base64' };

/** Who is told of what. */
export class CreateWebhookDto {
  /** An https URL at a public address; http too, and other addresses, in networks that the server's configuration names. */
  @IsString()
  @Length(1, 2000)
  url: string;

  /** Actions such as `task.completed`, `task.*`, or `*`: any of them. */
  @IsPatternList()
  @ArrayMaxSize(20)
  @ArrayMinSize(1)
  actions: string[];

  /** What deliveries are signed with: `whsec_` and 24 to 64 bytes in base64. Made, and shown in the answer, when it is absent. */
  @ValidateIf(given)
  @IsString()
  @Matches(SECRET_PATTERN, secretMessage)
  secret?: string;

  @IsOptional()
  @IsString()
  @Length(1, 1000)
  description?: string | null;

  /** Whether it is told; true by default. */
  @ValidateIf(given)
  @IsBoolean()
  isActive?: boolean;

  /** It is told of events after this sequence; of those to come by default. */
  @ValidateIf(given)
  @IsInt()
  @Min(0)
  @Max(999_999_999_999_999)
  after?: number;
}

/** Changes of a webhook; absent fields stay. */
export class UpdateWebhookDto {
  @ValidateIf(given)
  @IsString()
  @Length(1, 2000)
  url?: string;

  /** Events that have become deliveries before stay what they are. */
  @ValidateIf(given)
  @IsPatternList()
  @ArrayMaxSize(20)
  @ArrayMinSize(1)
  actions?: string[];

  @IsOptional()
  @IsString()
  @Length(1, 1000)
  description?: string | null;

  /** False holds it; true again, it goes on where it was, and nothing is left out. */
  @ValidateIf(given)
  @IsBoolean()
  isActive?: boolean;
}

/** Gives a webhook another secret. */
export class RotateWebhookDto {
  /** Made, and shown in the answer, when it is absent. */
  @ValidateIf(given)
  @IsString()
  @Matches(SECRET_PATTERN, secretMessage)
  secret?: string;

  /** For how long attempts are signed with the old secret too; a day by default, 0 ends it at once. */
  @ValidateIf(given)
  @IsInt()
  @Min(0)
  @Max(604_800)
  overlapSeconds?: number;
}

/** Row of audit.webhook with its cursor, as SQL returns it; never with its secrets. */
export interface WebhookRow {
  id: string;
  url: string;
  description: string | null;
  actions: string[];
  is_active: boolean;
  previous_secret_until: Date | null;
  sequence: string | number;
  failures: number;
  created_at: Date;
  updated_at: Date;
  version: number;
}

/** A receiver of events, without its secret. */
export class WebhookDto {
  id: string;
  url: string;
  description: string | null;
  actions: string[];
  isActive: boolean;
  /** Until when attempts are signed with the secret before too. */
  previousSecretUntil: string | null;
  /** Events up to this sequence have become deliveries. */
  sequence: number;
  /** Attempts that have failed since the last that succeeded. */
  failures: number;
  createdAt: string;
  updatedAt: string;
  version: number;

  static of(row: WebhookRow): WebhookDto {
    return {
      id: row.id,
      url: row.url,
      description: row.description,
      actions: row.actions,
      isActive: row.is_active,
      previousSecretUntil: iso(row.previous_secret_until),
      sequence: Number(row.sequence),
      failures: row.failures,
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
      version: row.version,
    };
  }
}

/** A webhook with its new secret, which no other answer shows. */
export class CreatedWebhookDto extends WebhookDto {
  secret: string;
}

/** A page of webhooks, newest first. */
export class WebhookPage {
  items: WebhookDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all webhooks, when asked for. */
  total?: number;
}

/** Which deliveries to list, the newest event first. */
export class WebhookDeliveryQuery extends PageQuery {
  @IsOptional()
  @IsIn(WEBHOOK_DELIVERY_STATUSES, oneOfMessage)
  status?: WebhookDeliveryStatus;
}

/** Path of a delivery. */
export class WebhookDeliveryParams {
  /** The webhook. */
  @IsUUID()
  id: string;

  @IsUUID()
  deliveryId: string;
}

/** Row of audit.webhook_delivery as SQL returns it. */
export interface WebhookDeliveryRow {
  id: string;
  webhook_id: string;
  sequence: string | number;
  action: string;
  subject_type: string;
  subject_id: string;
  status: WebhookDeliveryStatus;
  attempt: number;
  redrive_count: number;
  next_attempt_at: Date | null;
  attempts: LoggedAttempt[];
  created_at: Date;
  settled_at: Date | null;
}

/** One attempt at a delivery. */
export class WebhookAttemptDto {
  at: string;
  durationMs: number;
  /** Status of the answer; null when there was none. */
  statusCode: number | null;
  /** Why it failed; null when it did not. */
  error: string | null;
  /** How the answer begins: its first 1,000 characters. */
  response: string | null;
}

/** One event on its way to one webhook. */
export class WebhookDeliveryDto {
  /** Also the header `webhook-id` of every attempt. */
  id: string;
  webhookId: string;
  /** Of the event. */
  sequence: number;
  action: string;
  /** Noun of the event's subject. */
  subjectType: string;
  subjectId: string;
  status: WebhookDeliveryStatus;
  /** Attempts since it was made or redriven. */
  attempt: number;
  redriveCount: number;
  /** Null once it has ended, and while another event of the same subject goes first. */
  nextAttemptAt: string | null;
  /** The last 20, oldest first. */
  attempts: WebhookAttemptDto[];
  createdAt: string;
  settledAt: string | null;

  static of(row: WebhookDeliveryRow): WebhookDeliveryDto {
    return {
      id: row.id,
      webhookId: row.webhook_id,
      sequence: Number(row.sequence),
      action: row.action,
      subjectType: row.subject_type,
      subjectId: row.subject_id,
      status: row.status,
      attempt: row.attempt,
      redriveCount: row.redrive_count,
      nextAttemptAt: iso(row.next_attempt_at),
      attempts: row.attempts,
      createdAt: iso(row.created_at),
      settledAt: iso(row.settled_at),
    };
  }
}

/** A page of deliveries, the newest event first. */
export class WebhookDeliveryPage {
  items: WebhookDeliveryDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching deliveries, when asked for. */
  total?: number;
}
