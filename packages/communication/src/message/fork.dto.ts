import { IsInt, IsObject, IsOptional, IsString, IsUUID, Length, Max, Min } from 'class-validator';
import { IsLine, IsMoment, MaxJsonBytes } from '@agent-hive/kernel/http';

/** Where a session branches off, and what the new one is given; the rest is as in the one it comes from. */
export class CreateForkDto {
  /** The last message that they share; the last one there is, by default. */
  @IsOptional()
  @IsUUID()
  messageId?: string | null;

  /** The same by its sequence. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  sequence?: number | null;

  /** Id that the caller knows the new session by; unique within the tenant. */
  @IsOptional()
  @IsString()
  @Length(1, 200)
  externalId?: string | null;

  @IsOptional()
  @IsLine()
  @Length(1, 200)
  name?: string | null;

  /** In place of the context of the one that it comes from. At most 64 KiB as JSON. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(65_536)
  context?: Record<string, unknown>;

  /** From when on nothing more is written (RFC 3339); never, by default. */
  @IsOptional()
  @IsMoment()
  expiresAt?: string | null;
}
