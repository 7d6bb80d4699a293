import { Type } from 'class-transformer';
import { ArrayMaxSize, IsInt, IsOptional, Max, Min } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { PageQuery } from '@agent-hive/kernel/http';
import { ActorDto, SubjectDto, type EntryRow } from '../entry.dto.js';
import type { Risk } from '../entry.entity.js';
import { IsPatternList, ToList } from './pattern.dto.js';

const SEQUENCE_MAX = 999_999_999_999_999;

/** Which events to list, oldest first. */
export class EventQuery extends PageQuery {
  /** Those after this sequence; from the first on by default. A cursor wins over it. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(SEQUENCE_MAX)
  after?: number;

  /** Actions such as `task.completed` or `task.*`; given several times, any of them. */
  @IsOptional()
  @ToList()
  @IsPatternList()
  @ArrayMaxSize(20)
  action?: string[];
}

/** Where a stream of events begins, and what it tells. */
export class EventStreamQuery {
  /** The stream begins after this sequence, with the first event for 0; with what comes next by default. `Last-Event-ID` wins over it. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(SEQUENCE_MAX)
  after?: number;

  /** Actions such as `task.completed` or `task.*`; given several times, any of them. */
  @IsOptional()
  @ToList()
  @IsPatternList()
  @ArrayMaxSize(20)
  action?: string[];
}

/** A leaf with its entry, as SQL returns it; columns of the entry are null when only the leaf is left. */
export interface EventRow extends Omit<EntryRow, 'actor_type' | 'actor_name' | 'ip' | 'user_agent'> {
  sequence: string | number;
  has_entry: boolean;
  actor_type: string | null;
  actor_name: string | null;
}

/** Something that happened: an entry of the record at its place in the feed. */
export class EventDto {
  /** 1, 2, 3 ... without a gap, in the order in which the record was sealed. */
  sequence: number;
  /** Id of the entry. */
  id: string;
  /** When it happened (ISO-8601, UTC). */
  occurredAt: string;
  action: string;
  subject: SubjectDto;
  risk: Risk | null;
  /** False when the entry was archived or erased: everything below is null then. */
  isComplete: boolean;
  actor: ActorDto | null;
  agentId: string | null;
  sessionId: string | null;
  /** Columns before the change; of an update, only the changed ones. */
  previousState: Record<string, unknown> | null;
  /** Columns after the change. Sensitive ones are digests. */
  newState: Record<string, unknown> | null;
  details: Record<string, unknown> | null;
  /** X-Request-Id of the request that caused it. */
  requestId: string | null;

  static of(row: EventRow): EventDto {
    return {
      sequence: Number(row.sequence),
      id: row.id,
      occurredAt: iso(row.occurred_at),
      action: row.action,
      subject: { type: row.subject_type, id: row.subject_id },
      risk: row.risk,
      isComplete: row.has_entry,
      actor: row.actor_type === null ? null : { type: row.actor_type, id: row.actor_id, name: row.actor_name ?? '' },
      agentId: row.agent_id,
      sessionId: row.session_id,
      previousState: row.previous_state,
      newState: row.new_state,
      details: row.details,
      requestId: row.request_id,
    };
  }
}

/** A page of events, oldest first. With a filter, a page may be short, or empty, and still have a next one. */
export class EventPage {
  items: EventDto[];
  /** Cursor of the next page; null when there is nothing newer. */
  nextCursor: string | null;
  /** Number of all matching events, when asked for. */
  total?: number;
}
