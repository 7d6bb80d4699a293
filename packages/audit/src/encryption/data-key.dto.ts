import { iso } from '@agent-hive/kernel';
import type { DataKeyRow } from './data-key.sql.js';

/** A data key, without its value. */
export class DataKeyDto {
  id: string;
  /** Id of the key-encryption key that wraps it: the first 16 hex digits of its SHA-256. */
  wrappedBy: string;
  createdAt: string;
  /** Since when nothing is encrypted with it any more. */
  retiredAt: string | null;
  /** When it was destroyed, after nothing was left that it had encrypted. */
  destroyedAt: string | null;

  static of(row: DataKeyRow): DataKeyDto {
    return {
      id: row.id,
      wrappedBy: row.wrapped_by,
      createdAt: iso(row.created_at),
      retiredAt: row.retired_at && iso(row.retired_at),
      destroyedAt: row.destroyed_at && iso(row.destroyed_at),
    };
  }
}

/** The data keys of the tenant, newest first. */
export class DataKeyList {
  items: DataKeyDto[];
}
