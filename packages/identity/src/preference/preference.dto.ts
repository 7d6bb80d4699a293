import { IsObject, IsOptional, IsString, IsUUID, Matches, MaxLength, MinLength } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { MaxJsonBytes, PageQuery } from '@agent-hive/kernel/http';

/** One category of one user. */
export class PreferenceParams {
  @IsUUID()
  id: string;

  @IsString()
  @MinLength(1)
  @MaxLength(100)
  category: string;
}

/** What a user prefers in a category; it replaces what was there. */
export class PutPreferenceDto {
  /** Any JSON object, at most 64 KiB. */
  @IsObject()
  @MaxJsonBytes(65_536)
  preferences: Record<string, unknown>;
}

/** Whose preferences have a value at a path. */
export class PreferenceQuery extends PageQuery {
  @IsOptional()
  @IsString()
  @MaxLength(100)
  category?: string;

  /** Names joined by dots, such as `notifications.email`. */
  @IsString()
  @Matches(/^[^.]+(\.[^.]+){0,9}$/, { message: 'path must be 1 to 10 names joined by dots' })
  @MaxLength(500)
  path: string;

  /** The value: JSON when it reads as such (`true`, `5`, `"dark"`), else the text itself (`dark`). */
  @IsString()
  @MaxLength(1000)
  equals: string;
}

/** Preference as SQL returns it. */
export interface PreferenceRow {
  user_id: string;
  category: string;
  preferences: Record<string, unknown>;
  version: number;
  created_at: Date;
  updated_at: Date;
}

/** What a user prefers in a category. */
export class PreferenceDto {
  userId: string;
  category: string;
  preferences: Record<string, unknown>;
  version: number;
  createdAt: string;
  updatedAt: string;

  static of(row: PreferenceRow): PreferenceDto {
    return {
      userId: row.user_id,
      category: row.category,
      preferences: row.preferences,
      version: row.version,
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
    };
  }
}

/** Preferences by category, or those that have the value. */
export class PreferencePage {
  items: PreferenceDto[];
  nextCursor: string | null;
  /** Number of all matching preferences, when asked for. */
  total?: number;
}
