import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, IsUUID, Length } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { IsMoment, oneOfMessage, PageQuery, ToBoolean } from '@agent-hive/kernel/http';
import { IsBoolean } from 'class-validator';
import { SUBJECT_TYPES, type SubjectType } from '../retention/store.js';
import type { LegalHold } from './legal-hold.entity.js';

/** Whom to hold, and why. */
export class CreateLegalHoldDto {
  /** `tenant` holds everything; its id is the tenant's own. */
  @ApiProperty({ enum: SUBJECT_TYPES })
  @IsIn(SUBJECT_TYPES, oneOfMessage)
  subjectType: SubjectType;

  @IsUUID()
  subjectId: string;

  @IsString()
  @Length(1, 2000)
  reason: string;

  /** When the hold ends by itself; absent: not before it is released. */
  @ApiPropertyOptional({ format: 'date-time' })
  @IsOptional()
  @IsMoment()
  until?: string;
}

/** Why a hold ends. */
export class ReleaseLegalHoldDto {
  @IsString()
  @Length(1, 2000)
  reason: string;
}

/** Query of the list. */
export class LegalHoldQuery extends PageQuery {
  /** Only those in force (true), or only those that are over (false). */
  @IsOptional()
  @ToBoolean()
  @IsBoolean()
  inForce?: boolean;
}

/** A hold. */
export class LegalHoldDto {
  id: string;
  @ApiProperty({ enum: SUBJECT_TYPES })
  subjectType: SubjectType;
  subjectId: string;
  reason: string;
  until: string | null;
  /** Neither released nor over. */
  isInForce: boolean;
  placedByName: string;
  placedAt: string;
  releasedAt: string | null;
  releasedByName: string | null;
  releaseReason: string | null;

  static of(hold: LegalHold, now = new Date()): LegalHoldDto {
    return {
      id: hold.id,
      subjectType: hold.subjectType,
      subjectId: hold.subjectId,
      reason: hold.reason,
      until: iso(hold.until ?? null),
      isInForce: !hold.releasedAt && (!hold.until || hold.until > now),
      placedByName: hold.placedByName,
      placedAt: iso(hold.placedAt),
      releasedAt: iso(hold.releasedAt ?? null),
      releasedByName: hold.releasedByName ?? null,
      releaseReason: hold.releaseReason ?? null,
    };
  }
}

/** A page of holds, newest first. */
export class LegalHoldPage {
  items: LegalHoldDto[];
  nextCursor: string | null;
  total?: number;
}
