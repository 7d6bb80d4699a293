import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, IsUUID, Matches, Max, Min, ValidateNested } from 'class-validator';
import { BREACH_KINDS, type BreachKind } from './breach.js';
import { ApiProperty } from '@nestjs/swagger';
import type { CheckpointDto } from './sealing.dto.js';

const HASH = { message: '$property must be 64 hexadecimal digits' };

/** A checkpoint that was kept elsewhere, as `GET /v1/audit/checkpoints/latest` gave it. */
export class CheckpointNoteDto implements CheckpointDto {
  @IsUUID()
  tenant: string;

  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  size: number;

  @Matches(/^[0-9a-f]{64}$/, HASH)
  root: string;

  @IsOptional()
  @Matches(/^[0-9a-f]{64}$/, HASH)
  previous: string | null;

  @IsString()
  @Matches(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, { message: 'sealedAt must be a moment in UTC with milliseconds' })
  sealedAt: string;

  @Matches(/^[0-9a-f]{16}$/, { message: 'keyId must be 16 hexadecimal digits' })
  keyId: string;

  @IsOptional()
  @Matches(/^[0-9a-f]{64}$/, HASH)
  publicKey: string | null;

  @Matches(/^[0-9a-f]{128}$/, { message: 'signature must be 128 hexadecimal digits' })
  signature: string;
}

/** What to verify: the whole log when nothing is said. */
export class CreateVerificationDto {
  /** Size of a checkpoint that was verified before: only what came after it is looked at. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  since?: number;

  /** A checkpoint that was kept elsewhere: without one, nobody can tell that the end of the log was cut off. */
  @IsOptional()
  @ValidateNested()
  @Type(() => CheckpointNoteDto)
  checkpoint?: CheckpointNoteDto;
}

/** One thing that is wrong with the log. */
export class BreachDto {
  @ApiProperty({ enum: BREACH_KINDS })
  kind: BreachKind;
  /** Of the entry, or the size of the checkpoint; null for an entry that has none. */
  sequence: number | null;
  entryId: string | null;
  message: string;
}

/** What a verification found. */
export class VerificationDto {
  /** Nothing is wrong. */
  ok: boolean;
  tenant: string;
  /** Sequence of the first entry that was looked at. */
  from: number;
  /** Size of the log by its latest checkpoint. */
  size: number;
  /** Root of the log as it was computed (hexadecimal); null when it is empty, or leaves are missing. */
  root: string | null;
  /** Leaves that were looked at. */
  leaves: number;
  checkpoints: number;
  /** Entries that retention has taken out, with a row that proves it. */
  archived: number;
  /** Payloads that were erased, with a receipt. */
  erased: number;
  /** The first 1,000. */
  breaches: BreachDto[];
  moreBreaches: number;
  durationMs: number;
}
