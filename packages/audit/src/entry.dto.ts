import { IsBoolean, IsIn, IsNotEmpty, IsObject, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { iso } from '@agent-hive/kernel';
import { IsMoment, MaxJsonBytes, oneOfMessage, PageQuery, ToBoolean } from '@agent-hive/kernel/http';
import { RISKS, type Risk } from './entry.entity.js';
import { InclusionDto } from './sealing/proof.dto.js';

/** An agent's own account of something it did. */
export class CreateEntryDto {
  /** The agent that acted. */
  @IsUUID()
  agentId: string;

  /** The session in which it acted. */
  @IsOptional()
  @IsUUID()
  sessionId?: string;

  /** What it did, such as `file.deleted`. Not what the hive records itself, such as `agent.deleted`: nobody may report that. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(100)
  actionType: string;

  /** Anything that makes the action understandable later; at most 64 KiB. */
  @IsObject()
  @MaxJsonBytes(65_536)
  actionDetails: Record<string, unknown>;

  /** How much could go wrong by it. */
  @IsIn(RISKS, oneOfMessage)
  riskLevel: Risk;
}

/** Which entries to list, newest first. */
export class EntryQuery extends PageQuery {
  /** Noun of the subject, such as `agent`. */
  @IsOptional()
  @IsString()
  @MaxLength(50)
  subjectType?: string;

  /** Id of the subject. */
  @IsOptional()
  @IsString()
  @MaxLength(500)
  subjectId?: string;

  /** Who acted: id of a user or an agent. */
  @IsOptional()
  @IsUUID()
  actorId?: string;

  /** The agent that the entry is about. */
  @IsOptional()
  @IsUUID()
  agentId?: string;

  @IsOptional()
  @IsUUID()
  sessionId?: string;

  /** The action by name, such as `agent.created`, or by noun, such as `agent.*`. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  action?: string;

  @IsOptional()
  @IsIn(RISKS, oneOfMessage)
  risk?: Risk;

  /** Entries of this moment or later, with its time zone, such as `2030-01-31T12:00:00Z`. */
  @ApiPropertyOptional({ format: 'date-time' })
  @IsOptional()
  @IsMoment()
  from?: string;

  /** Entries before this moment, with its time zone. */
  @ApiPropertyOptional({ format: 'date-time' })
  @IsOptional()
  @IsMoment()
  to?: string;
}

/** What to show of an entry besides itself. */
export class ProofQuery {
  /** Whether to prove that the entry is in the sealed log. */
  @IsOptional()
  @ToBoolean()
  @IsBoolean()
  proof?: boolean;
}

/** Row of audit.entry as SQL returns it. */
export interface EntryRow {
  id: string;
  occurred_at: Date;
  actor_type: string;
  actor_id: string | null;
  actor_name: string;
  action: string;
  subject_type: string;
  subject_id: string;
  agent_id: string | null;
  session_id: string | null;
  risk: Risk | null;
  previous_state: Record<string, unknown> | null;
  new_state: Record<string, unknown> | null;
  details: Record<string, unknown> | null;
  request_id: string | null;
  ip: string | null;
  user_agent: string | null;
}

/** Who acted. */
export class ActorDto {
  /** `user`, `agent` or `service`. */
  type: string;
  id: string | null;
  name: string;
}

/** What was acted on. */
export class SubjectDto {
  /** Noun, such as `agent`. */
  type: string;
  id: string;
}

/** One entry of the record. */
export class EntryDto {
  id: string;
  /** When it happened (ISO-8601, UTC). */
  occurredAt: string;
  actor: ActorDto;
  action: string;
  subject: SubjectDto;
  agentId: string | null;
  sessionId: string | null;
  risk: Risk | null;
  /** Columns before the change; of an update, only the changed ones. */
  previousState: Record<string, unknown> | null;
  /** Columns after the change. */
  newState: Record<string, unknown> | null;
  details: Record<string, unknown> | null;
  /** X-Request-Id of the request that caused it. */
  requestId: string | null;
  ip: string | null;
  userAgent: string | null;
  /** When asked for: that it is in the log that the latest checkpoint covers; null while it is not sealed, which takes a second or two. */
  proof?: InclusionDto | null;

  static of(row: EntryRow): EntryDto {
    return {
      id: row.id,
      occurredAt: iso(row.occurred_at),
      actor: { type: row.actor_type, id: row.actor_id, name: row.actor_name },
      action: row.action,
      subject: { type: row.subject_type, id: row.subject_id },
      agentId: row.agent_id,
      sessionId: row.session_id,
      risk: row.risk,
      previousState: row.previous_state,
      newState: row.new_state,
      details: row.details,
      requestId: row.request_id,
      ip: row.ip,
      userAgent: row.user_agent,
    };
  }
}

/** A page of entries, newest first. */
export class EntryPage {
  items: EntryDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching entries, when asked for. */
  total?: number;
}
