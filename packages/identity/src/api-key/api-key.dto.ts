import { ArrayMaxSize, IsArray, IsInt, IsNotEmpty, IsOptional, IsString, IsUUID, Max, MaxLength, Min, ValidateIf } from 'class-validator';
import { given, IsMoment, IsUniqueList } from '@agent-hive/kernel/http';
import type { ApiKey } from './api-key.entity.js';

/** A key to be. */
export class CreateApiKeyDto {
  @IsString()
  @IsNotEmpty()
  @MaxLength(100)
  name: string;

  /** What the key opens: `noun:verb`, `noun:*` or `*`; nothing that the caller does not hold. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsUniqueList()
  @IsString({ each: true })
  @MaxLength(100, { each: true })
  scopes: string[];

  /** A role whose scopes the key has beside its own. */
  @IsOptional()
  @IsString()
  @MaxLength(50)
  role?: string | null;

  /** The agent that acts with this key. */
  @IsOptional()
  @IsUUID()
  agentId?: string | null;

  /** The user that acts with this key; not together with an agent. */
  @IsOptional()
  @IsUUID()
  userId?: string | null;

  /** When the key ends: a moment in the future with its time zone, such as `2030-01-31T12:00:00Z`; null or absent, it does not. */
  @IsOptional()
  @IsMoment()
  expiresAt?: string | null;
}

/** How a key is replaced. */
export class RotateApiKeyDto {
  /** How long the old key still opens, 0 to 604800 seconds (7 days). */
  @ValidateIf(given)
  @IsInt()
  @Min(0)
  @Max(604_800)
  overlapSeconds: number = 0;
}

/** A key without its secret. */
export class ApiKeyDto {
  id: string;
  name: string;
  scopes: string[];
  role: string | null;
  agentId: string | null;
  userId: string | null;
  expiresAt: string | null;
  revokedAt: string | null;
  /** To the minute. */
  lastUsedAt: string | null;
  /** The key that this one replaced. */
  rotatedFromId: string | null;
  createdAt: string;

  static of(key: ApiKey): ApiKeyDto {
    return {
      id: key.id,
      name: key.name,
      scopes: key.scopes,
      role: key.role ?? null,
      agentId: key.agentId ?? null,
      userId: key.userId ?? null,
      expiresAt: key.expiresAt?.toISOString() ?? null,
      revokedAt: key.revokedAt?.toISOString() ?? null,
      lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
      rotatedFromId: key.rotatedFromId ?? null,
      createdAt: key.createdAt.toISOString(),
    };
  }
}

/** A new key with its secret, which is in this answer only. */
export class CreatedApiKeyDto extends ApiKeyDto {
  /** Null in a replayed answer: it is stored nowhere. */
  key: string;
}

/** A page of keys, newest first. */
export class ApiKeyPage {
  items: ApiKeyDto[];
  nextCursor: string | null;
  /** Number of all keys, when asked for. */
  total?: number;
}
