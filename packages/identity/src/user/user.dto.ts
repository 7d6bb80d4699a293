import { IsEmail, IsObject, IsOptional, IsString, MaxLength, ValidateIf } from 'class-validator';
import { given, MaxJsonBytes, PageQuery } from '@agent-hive/kernel/http';
import type { User } from './user.entity.js';

const DATA_MAX_BYTES = 65_536;

/** A person to be known. */
export class CreateUserDto {
  /** Unique within the tenant, whatever its case. */
  @IsEmail()
  @MaxLength(320)
  email: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  name?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(50)
  phoneNumber?: string | null;

  /** A built-in role or one of the tenant. */
  @IsOptional()
  @IsString()
  @MaxLength(50)
  role?: string | null;

  /** Anything that the caller keeps about the user, at most 64 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(DATA_MAX_BYTES)
  userData?: Record<string, unknown>;
}

/** Changes of a user; absent fields stay. */
export class UpdateUserDto {
  @ValidateIf(given)
  @IsEmail()
  @MaxLength(320)
  email?: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  name?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(50)
  phoneNumber?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(50)
  role?: string | null;

  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(DATA_MAX_BYTES)
  userData?: Record<string, unknown>;
}

/** Which users to list, newest first. */
export class UserQuery extends PageQuery {
  /** The exact email, whatever its case. */
  @IsOptional()
  @IsString()
  @MaxLength(320)
  email?: string;
}

/** A person. */
export class UserDto {
  id: string;
  email: string;
  name: string | null;
  phoneNumber: string | null;
  role: string | null;
  userData: Record<string, unknown>;
  version: number;
  createdAt: string;
  updatedAt: string;

  static of(user: User): UserDto {
    return {
      id: user.id,
      email: user.email,
      name: user.name ?? null,
      phoneNumber: user.phoneNumber ?? null,
      role: user.role ?? null,
      userData: user.userData,
      version: user.version,
      createdAt: user.createdAt.toISOString(),
      updatedAt: user.updatedAt.toISOString(),
    };
  }
}

/** A page of users, newest first. */
export class UserPage {
  items: UserDto[];
  nextCursor: string | null;
  /** Number of all matching users, when asked for. */
  total?: number;
}
