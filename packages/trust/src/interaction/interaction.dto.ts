import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsDefined, IsIn, IsInt, IsObject, IsOptional, IsString, IsUUID, Max, MaxLength, Min, MinLength, ValidateNested } from 'class-validator';
import { IsLine, IsTextOrObject, IsUniqueList, MaxJsonBytes, oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import { INTERACTION_STATUSES, INTERACTION_TYPES, RESPONSES, type InteractionStatus, type InteractionType, type ResponseStatus } from './lifecycle.js';

/** Most bytes of a content, an answer, or the parameters of an action, as JSON. */
const JSON_MAX_BYTES = 65_536;

/** Longest that a question may stay open: a year. */
const EXPIRES_IN_MAX_SECONDS = 31_536_000;

/** Longest that a call waits. */
const WAIT_MAX_SECONDS = 20;

/** How a list is ordered. */
export const INTERACTION_ORDERS = ['newest', 'priority'] as const;

/** What an interaction is about. */
export class InteractionSubjectDto {
  /** Such as `task`. */
  @IsLine()
  @MaxLength(100)
  type: string;

  @IsUUID()
  id: string;
}

/** What is to be done, exactly. */
export class ActionDto {
  /** Such as `deploy`. */
  @IsLine()
  @MaxLength(200)
  name: string;

  /** Everything that the action depends on, at most 64 KiB. */
  @IsObject()
  @MaxJsonBytes(JSON_MAX_BYTES)
  parameters: Record<string, unknown>;
}

/** Something that is asked of a person. */
export class CreateInteractionDto {
  @IsIn(INTERACTION_TYPES, oneOfMessage)
  type: InteractionType;

  /** What it is about. */
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => InteractionSubjectDto)
  subject?: InteractionSubjectDto | null;

  /** What the person reads: a text or a JSON object, at most 64 KiB. */
  @IsTextOrObject()
  @MaxJsonBytes(JSON_MAX_BYTES)
  content: string | Record<string, unknown>;

  /** What there is to choose from, 1 to 50; the answer must be one of them. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(50)
  @IsUniqueList()
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(200, { each: true })
  options?: string[] | null;

  /** 0 to 9, 9 being the most urgent. 5 by default. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(9)
  priority?: number;

  /** After how many seconds it is over, 1 to 31,536,000: then it counts as refused, and an approval can be used no more. Never by default. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(EXPIRES_IN_MAX_SECONDS)
  expiresInSeconds?: number | null;

  /** What an `approval_request` asks for: the approval is bound to it, and used once. */
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => ActionDto)
  action?: ActionDto | null;

  /** The agent that asks; a key of an agent always asks for that one. */
  @IsOptional()
  @IsUUID()
  agentId?: string | null;

  /** The session in which it asks. */
  @IsOptional()
  @IsUUID()
  sessionId?: string | null;
}

/** What a person says. */
export class RespondDto {
  /** To an approval `approved` or `rejected`; to a notification `acknowledged`; to a manual intervention any of these but `approved`; to the others `answered` or `rejected`. */
  @IsIn(RESPONSES, oneOfMessage)
  status: ResponseStatus;

  /** Any JSON, at most 64 KiB; `answered` needs one. Where options are offered, one of them, or an object whose `option` is one. */
  @IsOptional()
  @MaxJsonBytes(JSON_MAX_BYTES)
  response?: unknown;
}

/** The use of an approval. */
export class UseDto {
  /** What is about to be done: it must be what was approved. */
  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => ActionDto)
  action: ActionDto;
}

/** The end of a question that needs no answer any more. */
export class CancelInteractionDto {
  /** Kept in the record. */
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason?: string | null;
}

/** How long to wait for one interaction to be over. */
export class InteractionWaitQuery {
  /** How long to wait while it is pending, 0 to 20; 0 by default. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(WAIT_MAX_SECONDS)
  waitSeconds?: number;
}

/** Which interactions to list. */
export class InteractionQuery extends PageQuery {
  @IsOptional()
  @IsIn(INTERACTION_STATUSES, oneOfMessage)
  status?: InteractionStatus;

  @IsOptional()
  @IsIn(INTERACTION_TYPES, oneOfMessage)
  type?: InteractionType;

  /** The agent that asked. */
  @IsOptional()
  @IsUUID()
  agentId?: string;

  @IsOptional()
  @IsUUID()
  sessionId?: string;

  /** Only beside `subjectId`. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  subjectType?: string;

  @IsOptional()
  @IsUUID()
  subjectId?: string;

  /** `newest` first, or by `priority` and then age, which is for those that are pending. `newest` by default. */
  @IsOptional()
  @IsIn(INTERACTION_ORDERS, oneOfMessage)
  order?: (typeof INTERACTION_ORDERS)[number];

  /** How long to wait when there is none, 0 to 20; 0 by default. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(WAIT_MAX_SECONDS)
  waitSeconds?: number;
}
