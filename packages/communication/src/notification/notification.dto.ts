import { Type } from 'class-transformer';
import { IsBoolean, IsIn, IsObject, IsOptional, IsString, IsUUID, MaxLength, ValidateNested } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { IsLine, MaxJsonBytes, PageQuery, ToBoolean } from '@agent-hive/kernel/http';
import { OWN_KINDS, type NotificationKind } from './notification.entity.js';

/** What a notification is about. */
export class NotificationSubjectDto {
  /** Noun, such as `task`. */
  @IsLine()
  @MaxLength(50)
  type: string;

  @IsLine()
  @MaxLength(500)
  id: string;
}

/** Something that a user or an agent should know of. */
export class NotifyDto {
  /** The user to be told; give this or `agentId`. */
  @IsOptional()
  @IsUUID()
  userId?: string;

  @IsOptional()
  @IsUUID()
  agentId?: string;

  /** The other kinds are the hive's own. */
  @IsIn(OWN_KINDS, { message: 'kind must be one of: $constraint1' })
  kind: (typeof OWN_KINDS)[number];

  /** One line of 1 to 200 characters. */
  @IsLine()
  @MaxLength(200)
  title: string;

  /** At most 10,000 characters. */
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  body?: string;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => NotificationSubjectDto)
  subject?: NotificationSubjectDto;

  /** Anything else, at most 16 KiB. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(16_384)
  details?: Record<string, unknown>;
}

/** Whose notifications. A user and an agent have their own, and need not say so. */
export class RecipientDto {
  @IsOptional()
  @IsUUID()
  userId?: string;

  @IsOptional()
  @IsUUID()
  agentId?: string;
}

/** Which notifications to list, newest first. */
export class NotificationQuery extends PageQuery {
  /** Those of a user. A user has its own, and need not say so. */
  @IsOptional()
  @IsUUID()
  userId?: string;

  /** Those of an agent. An agent has its own, and need not say so. */
  @IsOptional()
  @IsUUID()
  agentId?: string;

  /** Only those that are not read, with `true`. */
  @IsOptional()
  @ToBoolean()
  @IsBoolean()
  unread?: boolean;
}

/** Row of communication.notification as SQL returns it. */
export interface NotificationRow {
  id: string;
  user_id: string | null;
  agent_id: string | null;
  kind: NotificationKind;
  title: string;
  body: string | null;
  subject_type: string | null;
  subject_id: string | null;
  details: Record<string, unknown>;
  created_at: Date;
  read_at: Date | null;
}

/** Something that a user or an agent should know of. */
export class NotificationDto {
  id: string;
  userId: string | null;
  agentId: string | null;
  kind: NotificationKind;
  title: string;
  body: string | null;
  subject: NotificationSubjectDto | null;
  details: Record<string, unknown>;
  createdAt: string;
  /** Null while it is not read. */
  readAt: string | null;

  static of(row: NotificationRow): NotificationDto {
    return {
      id: row.id,
      userId: row.user_id,
      agentId: row.agent_id,
      kind: row.kind,
      title: row.title,
      body: row.body,
      subject: row.subject_type === null ? null : { type: row.subject_type, id: row.subject_id! },
      details: row.details,
      createdAt: iso(row.created_at),
      readAt: iso(row.read_at),
    };
  }
}

/** What became of a wish to notify. */
export class NotifiedDto {
  /** Null when the user has turned the kind off. */
  notification: NotificationDto | null;
}

/** A page of notifications, newest first. */
export class NotificationPage {
  items: NotificationDto[];
  nextCursor: string | null;
  /** Number of all that match, when asked for. */
  total?: number;
}

/** How many notifications became read. */
export class ReadAllDto {
  count: number;
}
