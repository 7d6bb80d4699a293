import { Transform } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsIn, IsInt, IsObject, IsOptional, IsString, Length, Max, MaxLength, Min, MinLength, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, IsLine, IsUniqueList, MaxJsonBytes, oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import { SuccessDto } from '../usage/success.dto.js';
import { FORMATS, type Format } from './document.entity.js';

/** Body of the operations that carry a document's text. */
export const DOCUMENT_BODY_MAX_BYTES = 16 * 1024 * 1024;

/** A document with its first version. */
export class CreateDocumentDto {
  /** Unique within the category; often a path. */
  @IsString()
  @Length(1, 500)
  @IsLine()
  name: string;

  /** The name by default. */
  @IsOptional()
  @IsString()
  @Length(1, 500)
  @IsLine()
  title?: string | null;

  @IsString()
  @Length(1, 100)
  @IsLine()
  category: string;

  /** `markdown` by default. */
  @ValidateIf(given)
  @IsIn(FORMATS, oneOfMessage)
  format?: Format;

  /** Its text: 10,000,000 bytes as UTF-8 at most, unless the hive is configured otherwise. */
  @IsString()
  @MinLength(1)
  content: string;

  /** At most 50. */
  @ValidateIf(given)
  @IsArray()
  @ArrayMaxSize(50)
  @IsUniqueList()
  @IsString({ each: true })
  @Length(1, 100, { each: true })
  @IsLine({ each: true })
  tags?: string[];

  /** Anything of the caller's own; at most 16 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(16_384)
  documentMetadata?: Record<string, unknown>;
}

/** Changes of what is said of a document; absent fields stay. Its text is changed by a new version. */
export class UpdateDocumentDto {
  @ValidateIf(given)
  @IsString()
  @Length(1, 500)
  @IsLine()
  name?: string;

  @ValidateIf(given)
  @IsString()
  @Length(1, 500)
  @IsLine()
  title?: string;

  @ValidateIf(given)
  @IsString()
  @Length(1, 100)
  @IsLine()
  category?: string;

  @ValidateIf(given)
  @IsArray()
  @ArrayMaxSize(50)
  @IsUniqueList()
  @IsString({ each: true })
  @Length(1, 100, { each: true })
  @IsLine({ each: true })
  tags?: string[];

  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(16_384)
  documentMetadata?: Record<string, unknown>;
}

/** A text that becomes the current version. */
export class CreateDocumentVersionDto {
  @IsString()
  @MinLength(1)
  content: string;

  /** What is new in it. */
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  summary?: string | null;
}

/** Which version's text becomes current again, as a new version. */
export class RestoreDocumentDto {
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  number: number;

  @IsOptional()
  @IsString()
  @MaxLength(2000)
  summary?: string | null;
}

/** Which documents to list. */
export class DocumentQuery extends PageQuery {
  @IsOptional()
  @IsString()
  @MaxLength(100)
  category?: string;

  @IsOptional()
  @IsString()
  @MaxLength(500)
  name?: string;

  /** Comma list: documents that have all of these. */
  @IsOptional()
  @Transform(({ value }) => (typeof value === 'string' ? value.split(',') : (value as unknown)))
  @IsArray()
  @ArrayMaxSize(10)
  @IsString({ each: true })
  @Length(1, 100, { each: true })
  tags?: string[];
}

/** Row of knowledge.document with its current version, as SQL returns it. `content` is there only when one is read. */
export interface DocumentRow {
  id: string;
  name: string;
  title: string;
  category: string;
  format: Format;
  tags: string[];
  document_metadata: Record<string, unknown>;
  current_version: number;
  digest: string;
  size_bytes: number;
  token_count: number;
  usage_count: number;
  helpful_count: number;
  last_used_at: Date | string | null;
  created_at: Date | string;
  updated_at: Date | string;
  version: number;
  content?: string;
}

/** A document. Digest, sizes and content are those of its current version. */
export class DocumentDto extends SuccessDto {
  id: string;
  name: string;
  title: string;
  category: string;
  format: Format;
  tags: string[];
  documentMetadata: Record<string, unknown>;
  /** Number of the newest version, which is the one that search finds. */
  currentVersion: number;
  /** sha256 of the content as UTF-8, in hexadecimal. */
  digest: string;
  sizeBytes: number;
  /** About how many tokens the content has. */
  tokenCount: number;
  /** The text; only where one document is read. */
  content?: string;
  createdAt: string;
  updatedAt: string;
  /** Grows with every change, new versions of the text included; it is the ETag. Uses do not move it. */
  version: number;

  static of(row: DocumentRow): DocumentDto {
    return {
      id: row.id,
      name: row.name,
      title: row.title,
      category: row.category,
      format: row.format,
      tags: row.tags,
      documentMetadata: row.document_metadata,
      currentVersion: row.current_version,
      digest: row.digest,
      sizeBytes: row.size_bytes,
      tokenCount: row.token_count,
      ...(row.content !== undefined && { content: row.content }),
      ...SuccessDto.from(row),
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
      version: row.version,
    };
  }
}

/** A page of documents, newest first. */
export class DocumentPage {
  items: DocumentDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching documents, when asked for. */
  total?: number;
}
