import { IsNotEmpty, IsString, Matches, MaxLength } from 'class-validator';
import type { Tenant } from './tenant.entity.js';

/** A customer of the hive to be. */
export class CreateTenantDto {
  /** Lower case letters, digits and dashes, at most 63; unique in the hive. */
  @IsString()
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'slug must be lower case letters, digits and dashes, begin with a letter or digit, and have at most 63 characters' })
  slug: string;

  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  name: string;
}

/** Why a tenant is suspended. */
export class SuspendTenantDto {
  @IsString()
  @IsNotEmpty()
  @MaxLength(1000)
  reason: string;
}

/** A tenant. */
export class TenantDto {
  id: string;
  slug: string;
  name: string;
  /** `active` or `suspended`: the keys of a suspended one open nothing. */
  state: string;
  suspensionReason: string | null;
  suspendedAt: string | null;
  version: number;
  createdAt: string;
  updatedAt: string;

  static of(tenant: Tenant): TenantDto {
    return {
      id: tenant.id,
      slug: tenant.slug,
      name: tenant.name,
      state: tenant.state,
      suspensionReason: tenant.suspensionReason ?? null,
      suspendedAt: tenant.suspendedAt?.toISOString() ?? null,
      version: tenant.version,
      createdAt: tenant.createdAt.toISOString(),
      updatedAt: tenant.updatedAt.toISOString(),
    };
  }
}

/** A key that is shown once. */
export class ShownKeyDto {
  id: string;
  /** The secret itself; null in a replayed answer, since it is stored nowhere. */
  key: string | null;
}

/** A new tenant with its first key. */
export class CreatedTenantDto extends TenantDto {
  adminKey: ShownKeyDto;
}

/** What a deletion did to one table. */
export class StoreReceiptDto {
  table: string;
  /** Rows deleted, or left when kept. */
  rows: number;
  /** Why the rows stay; null when they were deleted. */
  kept: string | null;
}

/** The proof of a tenant's deletion. */
export class TenantReceiptDto {
  tenantId: string;
  deletedAt: string;
  stores: StoreReceiptDto[];
}
