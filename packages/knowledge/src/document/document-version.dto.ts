import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsUUID, Max, Min } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { PageQuery } from '@agent-hive/kernel/http';

const NUMBER_MAX = 2_147_483_647;

/** Which version of which document. */
export class DocumentVersionParams {
  @IsUUID()
  id: string;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(NUMBER_MAX)
  number: number;
}

/** Which versions to list. */
export class DocumentVersionQuery extends PageQuery {}

/** Which two versions to compare. */
export class DiffQuery {
  /** The version before the other one by default. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(NUMBER_MAX)
  from?: number;

  /** The current version by default. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(NUMBER_MAX)
  to?: number;
}

/** Row of knowledge.document_version as SQL returns it. */
export interface DocumentVersionRow {
  document_id: string;
  number: number;
  content?: string;
  digest: string;
  size_bytes: number;
  token_count: number;
  summary: string | null;
  restored_from: number | null;
  created_by_name: string;
  created_at: Date | string;
}

/** One version of a document's text. It never changes. */
export class DocumentVersionDto {
  documentId: string;
  /** 1, 2, 3 ... within the document. */
  number: number;
  /** The text; only where one version is read. */
  content?: string;
  /** sha256 of the content as UTF-8, in hexadecimal. */
  digest: string;
  sizeBytes: number;
  tokenCount: number;
  summary: string | null;
  /** The version whose text this one brought back. */
  restoredFrom: number | null;
  createdByName: string;
  createdAt: string;

  static of(row: DocumentVersionRow): DocumentVersionDto {
    return {
      documentId: row.document_id,
      number: row.number,
      ...(row.content !== undefined && { content: row.content }),
      digest: row.digest,
      sizeBytes: row.size_bytes,
      tokenCount: row.token_count,
      summary: row.summary,
      restoredFrom: row.restored_from,
      createdByName: row.created_by_name,
      createdAt: iso(row.created_at),
    };
  }
}

/** A page of a document's versions, newest first. */
export class DocumentVersionPage {
  items: DocumentVersionDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all versions, when asked for. */
  total?: number;
}

/** Lines that differ, with three lines around them. */
export class DiffHunkDto {
  /** First line in the older text, from 1, and how many. */
  oldStart: number;
  oldLines: number;
  /** First line in the newer text, from 1, and how many. */
  newStart: number;
  newLines: number;
  /** Each line behind ` `, `-` or `+`, as in the unified format. */
  lines: string[];
}

/** How two versions of a text differ, line by line. */
export class DocumentDiffDto {
  documentId: string;
  from: number;
  to: number;
  addedLines: number;
  removedLines: number;
  hunks: DiffHunkDto[];
}
