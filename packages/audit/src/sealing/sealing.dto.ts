import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { PageQuery } from '@agent-hive/kernel/http';
import { asBuffer, type CheckpointRow } from './sealing.sql.js';
import { checkpointHash, type CheckpointFacts } from './seal-format.js';
import type { SigningKeyRow } from './signing-key.sql.js';

const hex = (bytes: Uint8Array): string => asBuffer(bytes).toString('hex');

/** What a checkpoint row says, as it was signed. */
export const factsOf = (tenant: string, row: CheckpointRow): CheckpointFacts => ({
  tenant,
  size: Number(row.size),
  root: hex(row.root),
  previous: row.previous && hex(row.previous),
  sealedAt: iso(row.sealed_at),
  keyId: row.key_id,
});

/** What the checkpoint behind a row names as the one before it. */
export const hashOfRow = (tenant: string, row: CheckpointRow): Buffer => checkpointHash(factsOf(tenant, row), asBuffer(row.signature));

/** The signed root of the tenant's log at one size: the note to keep elsewhere. */
export class CheckpointDto {
  tenant: string;
  /** How many entries it covers. */
  size: number;
  /** RFC 6962 root (hexadecimal). */
  root: string;
  /** Hash of the checkpoint before it; null in the first. */
  previous: string | null;
  sealedAt: string;
  keyId: string;
  /** Ed25519 key of that id, 32 bytes (hexadecimal); null when the catalogue does not have it. */
  publicKey: string | null;
  /** Ed25519 (hexadecimal). */
  signature: string;

  static of(tenant: string, row: CheckpointRow, keys: ReadonlyMap<string, Buffer>): CheckpointDto {
    return { ...factsOf(tenant, row), publicKey: keys.get(row.key_id)?.toString('hex') ?? null, signature: hex(row.signature) };
  }
}

/** A page of checkpoints, the latest first. */
export class CheckpointPage {
  items: CheckpointDto[];
  nextCursor: string | null;
  /** Number of all checkpoints, when asked for. */
  total?: number;
}

/** Which page of checkpoints. */
export class CheckpointQuery extends PageQuery {}

/** Two sizes of the log. */
export class ConsistencyQuery {
  /** The smaller size. */
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  from: number;

  /** The larger size. */
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  to: number;
}

/** Shows that the log of `to` entries begins with the log of `from` entries (RFC 6962, 2.1.2). */
export class ConsistencyDto {
  from: number;
  to: number;
  /** Root at `from` (hexadecimal). */
  fromRoot: string;
  toRoot: string;
  /** Hashes, lowest first (hexadecimal). */
  path: string[];
}

/** Which sealed entries to export. */
export class ExportQuery {
  /** Sequence of the first; 1 by default. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  from?: number;

  /** Sequence of the last; the last that is sealed by default. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  to?: number;
}

/** A key that signs checkpoints, or did. */
export class SigningKeyDto {
  /** First 16 hexadecimal digits of sha256(publicKey). */
  id: string;
  /** Ed25519, 32 bytes (hexadecimal). */
  publicKey: string;
  createdAt: string;
  /** When another key took its place; null for the one that signs. */
  retiredAt: string | null;

  static of(row: SigningKeyRow): SigningKeyDto {
    return { id: row.id, publicKey: hex(row.public_key), createdAt: iso(row.created_at), retiredAt: row.retired_at && iso(row.retired_at) };
  }
}

/** The signing keys, oldest first. */
export class SigningKeyList {
  items: SigningKeyDto[];
}
