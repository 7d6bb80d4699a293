import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { PageQuery } from '@agent-hive/kernel/http';
import { RETENTION_CLASSES, type RetentionClass } from '../retention/retention-class.js';
import type { Archive } from './archive.entity.js';

/** Query of the list. */
export class ArchiveQuery extends PageQuery {
  /** Only of this table, such as `communication.message`. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  table?: string;
}

/** Proof that rows left a table by policy, and where they are. */
export class ArchiveDto {
  id: string;
  /** The run that took them out. */
  runId: string;
  table: string;
  @ApiProperty({ enum: RETENTION_CLASSES })
  retentionClass: RetentionClass;
  firstId: string;
  lastId: string;
  rowCount: number;
  /** sha256 of the file; where the policy asked for none, of the rows as lines of JSON (hexadecimal). */
  digest: string;
  sizeBytes: number;
  /** Whether the rows can still be read. */
  isReadable: boolean;
  location: string | null;
  /** Size of the log's latest checkpoint at that time. */
  checkpointSize: number | null;
  createdAt: string;
  expiresAt: string | null;
  expiredAt: string | null;

  static of(archive: Archive): ArchiveDto {
    const { id, runId, retentionClass, firstId, lastId, rowCount, digest, sizeBytes } = archive;
    return {
      id, runId, table: archive.storeTable, retentionClass, firstId, lastId, rowCount, digest, sizeBytes,
      isReadable: archive.location != null,
      location: archive.location ?? null,
      checkpointSize: archive.checkpointSize ?? null,
      createdAt: iso(archive.createdAt),
      expiresAt: iso(archive.expiresAt ?? null),
      expiredAt: iso(archive.expiredAt ?? null),
    };
  }
}

/** A page of archives, newest first. */
export class ArchivePage {
  items: ArchiveDto[];
  nextCursor: string | null;
  total?: number;
}
