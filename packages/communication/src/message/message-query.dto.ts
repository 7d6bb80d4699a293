import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, IsUUID, Length, Max, MaxLength, Min } from 'class-validator';
import { PageQuery } from '@agent-hive/kernel/http';
import { MessageDto } from './message.dto.js';

/** Which messages of a session to read: the newest first, or what comes after a sequence, oldest first. */
export class MessageQuery {
  /** How many, 1 to 100. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  limit: number = 20;

  /** Only those with a lower sequence. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  before?: number;

  /** Only those with a higher sequence, and these oldest first. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  after?: number;

  /** Only those that answer this message. */
  @IsOptional()
  @IsUUID()
  parentMessageId?: string;

  /** `nextCursor` of the page before; it stands for a `before`, or for an `after` where the page before had one. */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  cursor?: string;
}

/** Where a stream begins. */
export class StreamQuery {
  /** The sequence after which it begins, for who cannot send Last-Event-ID; 0 by default. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  after?: number;
}

/** Messages of a session. */
export class MessagePage {
  items: MessageDto[];
  /** Cursor of the next page; null on the last. A page ends early beyond 4 MiB. */
  nextCursor: string | null;
}

/** What to search for: words, what the channel said, or both. */
export class SearchQuery extends PageQuery {
  /** Words that must all be there; "a phrase", `or`, and `-word` are understood. */
  @IsOptional()
  @IsString()
  @Length(1, 500)
  q?: string;

  /** Only what this session shows. */
  @IsOptional()
  @IsUUID()
  sessionId?: string;

  /** JSON that the channel's payload must contain, such as `{"thread":"T1"}`. */
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  channelPayload?: string;
}

/** A page of found messages, newest first. */
export class FoundMessagePage {
  items: MessageDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
}

/** Tokens that one model has cost in a session. */
export class ModelUsageDto {
  /** Null for messages that name none. */
  model: string | null;
  messageCount: number;
  tokensUsed: number;
}

/** What a session has cost, without what it shares with the one it was forked from. */
export class SessionUsageDto {
  sessionId: string;
  messageCount: number;
  tokensUsed: number;
  /** The costliest first. */
  models: ModelUsageDto[];
}
