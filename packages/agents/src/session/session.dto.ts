import { IsIn, IsObject, IsOptional, IsString, IsUUID, Length, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, IsLine, IsMoment, MaxJsonBytes, oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import { SESSION_STATES, TRUST_LEVELS, type SessionState, type TrustLevel } from './session.entity.js';

const JSON_BYTES = 65_536;

/** What a session starts with. */
export class CreateSessionDto {
  /** The agent whose session it is; an agent that calls is it by default. */
  @IsOptional()
  @IsUUID()
  agentId?: string | null;

  /** The user whose session it is; that of the session that it continues by default. */
  @IsOptional()
  @IsUUID()
  userId?: string | null;

  /** Id that the caller knows the session by; unique within the tenant. */
  @IsOptional()
  @IsString()
  @Length(1, 200)
  externalId?: string | null;

  @IsOptional()
  @IsLine()
  @Length(1, 200)
  name?: string | null;

  /** Where it takes place, such as `slack` or `cli`. */
  @IsOptional()
  @IsLine()
  @Length(1, 100)
  platform?: string | null;

  /** What is kept across messages and sessions; over what is taken from the session that it continues. At most 64 KiB as JSON. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(JSON_BYTES)
  context?: Record<string, unknown>;

  /** Facts about the session, not interpreted by the hive. At most 64 KiB as JSON. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(JSON_BYTES)
  sessionMetadata?: Record<string, unknown>;

  /** The earlier session whose context this one starts with. */
  @IsOptional()
  @IsUUID()
  continues?: string | null;

  /** The most that the agent may be trusted in it, whatever it earns; by default the highest level that it has at the start. */
  @IsOptional()
  @IsIn(TRUST_LEVELS, oneOfMessage)
  trustLevel?: TrustLevel;

  /** From when on nothing more is written (RFC 3339); never, by default. */
  @IsOptional()
  @IsMoment()
  expiresAt?: string | null;
}

/** Changes of a session; absent fields stay. */
export class UpdateSessionDto {
  /** A state that may follow the present one. */
  @ValidateIf(given)
  @IsIn(SESSION_STATES, oneOfMessage)
  state?: SessionState;

  /** Takes the place of the whole context. At most 64 KiB as JSON. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(JSON_BYTES)
  context?: Record<string, unknown>;

  /** Takes the place of all of it. At most 64 KiB as JSON. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(JSON_BYTES)
  sessionMetadata?: Record<string, unknown>;

  @IsOptional()
  @IsLine()
  @Length(1, 200)
  name?: string | null;

  /** From when on nothing more is written (RFC 3339); null is never. */
  @IsOptional()
  @IsMoment()
  expiresAt?: string | null;
}

/** Path of a session by the id that its caller knows it by. */
export class SessionExternalIdParams {
  @IsString()
  @Length(1, 200)
  externalId: string;
}

/** Which sessions to list, newest first. */
export class SessionQuery extends PageQuery {
  @IsOptional()
  @IsIn(SESSION_STATES, oneOfMessage)
  state?: SessionState;

  @IsOptional()
  @IsUUID()
  agentId?: string;

  @IsOptional()
  @IsUUID()
  userId?: string;

  @IsOptional()
  @IsString()
  @Length(1, 200)
  externalId?: string;

  /** The exact name. */
  @IsOptional()
  @IsString()
  @Length(1, 200)
  name?: string;
}

/** Where a session branched off. */
export class ForkDto {
  /** The session whose messages it shares. */
  sessionId: string;
  /** The last sequence that they share. */
  sequence: number;
}

/** Session as SQL returns it; bigints are texts on a server and numbers on the embedded engine. */
export interface SessionRow {
  id: string;
  external_id: string | null;
  name: string | null;
  platform: string | null;
  agent_id: string | null;
  user_id: string | null;
  state: SessionState;
  trust_level: number;
  context: Record<string, unknown>;
  session_metadata: Record<string, unknown>;
  continues_id: string | null;
  forked_from_id: string | null;
  fork_sequence: string | number | null;
  last_sequence: string | number;
  last_message_at: Date | null;
  tokens_used: string | number;
  started_at: Date;
  ended_at: Date | null;
  expires_at: Date | null;
  created_at: Date;
  updated_at: Date;
  version: number;
}

/** A conversation. */
export class SessionDto {
  id: string;
  externalId: string | null;
  name: string | null;
  platform: string | null;
  agentId: string | null;
  userId: string | null;
  /** `expired` from the moment of `expiresAt` on. */
  state: SessionState;
  /** The most that the agent may be trusted in it. */
  trustLevel: TrustLevel;
  context: Record<string, unknown>;
  sessionMetadata: Record<string, unknown>;
  /** The session whose context it started with. */
  continues: string | null;
  forkedFrom: ForkDto | null;
  /** Sequence of the last message; 0 before the first one. */
  lastSequence: number;
  /** Messages that it shows, those before a fork too. */
  messageCount: number;
  /** Sum over its own messages. */
  tokensUsed: number;
  lastMessageAt: string | null;
  startedAt: string;
  endedAt: string | null;
  expiresAt: string | null;
  /** Grows with every change of the session; it is the ETag. Messages do not move it. */
  version: number;
  createdAt: string;
  updatedAt: string;

  static of(row: SessionRow): SessionDto {
    const isOver = row.ended_at === null && row.expires_at !== null && new Date(row.expires_at) <= new Date();
    return {
      id: row.id,
      externalId: row.external_id,
      name: row.name,
      platform: row.platform,
      agentId: row.agent_id,
      userId: row.user_id,
      state: isOver ? 'expired' : row.state,
      trustLevel: TRUST_LEVELS[row.trust_level]!,
      context: row.context,
      sessionMetadata: row.session_metadata,
      continues: row.continues_id,
      forkedFrom: row.forked_from_id === null ? null : { sessionId: row.forked_from_id, sequence: Number(row.fork_sequence) },
      lastSequence: Number(row.last_sequence),
      messageCount: Number(row.last_sequence),
      tokensUsed: Number(row.tokens_used),
      lastMessageAt: iso(row.last_message_at),
      startedAt: iso(row.started_at),
      endedAt: isOver ? iso(row.expires_at) : iso(row.ended_at),
      expiresAt: iso(row.expires_at),
      version: row.version,
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
    };
  }
}

/** A page of sessions, newest first. */
export class SessionPage {
  items: SessionDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching sessions, when asked for. */
  total?: number;
}
