import { iso } from '@agent-hive/kernel';
import type { LeafRow } from './proof.sql.js';
import { CheckpointDto } from './sealing.dto.js';
import { asBuffer } from './sealing.sql.js';
import type { ExportedEntry } from './verify-export.js';

/** A leaf with what it was made of, so that anyone can make it again. */
export class SealedEntryDto implements ExportedEntry {
  sequence: number;
  entryId: string;
  occurredAt: string;
  action: string;
  subjectType: string;
  subjectId: string;
  risk: string | null;
  /** 16 bytes (hexadecimal); null where the payload is no longer there. */
  salt: string | null;
  /** The text that was hashed behind the salt; null when it was archived or erased. */
  payload: string | null;
  /** sha256(salt || payload) (hexadecimal). */
  payloadHash: string;
  /** RFC 6962 hash of the leaf (hexadecimal). */
  leafHash: string;

  static of(row: LeafRow): SealedEntryDto {
    return {
      sequence: Number(row.sequence),
      entryId: row.entry_id,
      occurredAt: iso(row.occurred_at),
      action: row.action,
      subjectType: row.subject_type,
      subjectId: row.subject_id,
      risk: row.risk,
      salt: row.salt && asBuffer(row.salt).toString('hex'),
      payload: row.payload,
      payloadHash: asBuffer(row.payload_hash).toString('hex'),
      leafHash: asBuffer(row.leaf_hash).toString('hex'),
    };
  }
}

/** Shows that an entry is in the log that a checkpoint covers. */
export class InclusionDto {
  leaf: SealedEntryDto;
  /** Hashes from the leaf up to the root (RFC 6962, 2.1.1), lowest first (hexadecimal). */
  path: string[];
  checkpoint: CheckpointDto;
}
