import { ArrayMaxSize, IsArray, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { IsUniqueList } from '@agent-hive/kernel/http';

/** Name of a role. */
export class RoleParams {
  @IsString()
  @Matches(/^[a-z][a-z0-9_-]{0,49}$/, { message: 'name must be lower case letters, digits, dashes and underscores, begin with a letter, and have at most 50 characters' })
  name: string;
}

/** What a role opens. */
export class PutRoleDto {
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description?: string | null;

  /** `noun:verb`, `noun:*` or `*`; nothing that the caller does not hold. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsUniqueList()
  @IsString({ each: true })
  @MaxLength(100, { each: true })
  scopes: string[];
}

/** A named set of scopes. */
export class RoleDto {
  name: string;
  description: string | null;
  scopes: string[];
  /** Whether every tenant has it, unchangeable. */
  isBuiltIn: boolean;

  static of(name: string, role: { description?: string | null; scopes: readonly string[] }, isBuiltIn = false): RoleDto {
    return { name, description: role.description ?? null, scopes: [...role.scopes], isBuiltIn };
  }
}

/** All roles, built-in ones first. */
export class RolesDto {
  items: RoleDto[];
}
