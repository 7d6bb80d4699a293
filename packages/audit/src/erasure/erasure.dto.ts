import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, IsString, IsUUID, Length } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import type { ErasureReceipt, StoreReceipt } from './erasure.entity.js';

/** Whom to erase: a user or an agent. */
export class CreateErasureDto {
  @IsOptional()
  @IsUUID()
  userId?: string;

  @IsOptional()
  @IsUUID()
  agentId?: string;

  @IsOptional()
  @IsString()
  @Length(1, 2000)
  reason?: string;
}

/** What an erasure did to one table. */
export class ErasedStoreDto implements StoreReceipt {
  /** `schema.table`; with `archive:` before it, archives of that table. */
  table: string;
  /** Rows that are gone. */
  erased: number;
  /** Rows whose content is gone; they keep the subject's id, or nothing, as a pseudonym. */
  blanked: number;
  /** Rows that stay as they are. */
  kept: number;
  /** Why they stay. */
  reason: string | null;
}

/** The receipt of an erasure. */
export class ErasureDto {
  id: string;
  @ApiProperty({ enum: ['user', 'agent'] })
  subjectType: 'user' | 'agent';
  subjectId: string;
  reason: string | null;
  requestedByName: string;
  erasedAt: string;
  /** Rows that were erased or blanked, over all tables: 0 when an earlier erasure had left nothing. */
  changed: number;
  stores: ErasedStoreDto[];

  static of(receipt: ErasureReceipt): ErasureDto {
    const { id, subjectType, subjectId, reason, requestedByName, erasedAt, stores } = receipt;
    const changed = stores.reduce((sum, store) => sum + store.erased + store.blanked, 0);
    return { id, subjectType, subjectId, reason: reason ?? null, requestedByName, erasedAt: iso(erasedAt), changed, stores };
  }
}

/** A page of receipts, newest first. */
export class ErasurePage {
  items: ErasureDto[];
  nextCursor: string | null;
  total?: number;
}
