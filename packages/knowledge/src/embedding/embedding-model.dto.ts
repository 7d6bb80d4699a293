import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsIn, IsInt, IsObject, IsString, IsUUID, Length, Max, Min, ValidateIf, ValidateNested } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, IsLine, oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import { DIMENSIONS_MAX, PROVIDERS, type Provider } from './embedding-model.entity.js';

/** Body of the operation that carries vectors. */
export const VECTORS_BODY_MAX_BYTES = 16 * 1024 * 1024;

/** A model that texts are to become vectors by. */
export class CreateEmbeddingModelDto {
  /** Of provider `http`, the name by which the service knows it. */
  @IsString()
  @Length(1, 200)
  @IsLine()
  name: string;

  /** 1 to 4,000; vectors of 1,536 have an index, others are compared one by one. */
  @IsInt()
  @Min(1)
  @Max(DIMENSIONS_MAX)
  dimensions: number;

  /** `lexical`: the hive itself, by words and parts of words; `http`: the configured service; `caller`: callers bring the vectors. */
  @IsIn(PROVIDERS, oneOfMessage)
  provider: Provider;

  /** Whether search uses it when told nothing, in place of the one before; a tenant's first model is the default. */
  @ValidateIf(given)
  @IsBoolean()
  isDefault?: boolean;
}

/** Which models to list. */
export class EmbeddingModelQuery extends PageQuery {}

/** A vector of one chunk. */
export class ChunkVectorDto {
  @IsUUID()
  chunkId: string;

  /** As many numbers as the model has dimensions. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(4000)
  embedding: number[];
}

/** Vectors that the caller has computed. */
export class PutVectorsDto {
  /** 1 to 500, all or nothing. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(500)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => ChunkVectorDto)
  items: ChunkVectorDto[];
}

/** How many vectors were stored. */
export class VectorsStoredDto {
  count: number;
}

/** Which item's chunks to list. */
export class ChunkQuery extends PageQuery {
  /** A document or a memory. */
  @IsUUID()
  itemId: string;
}

/** Row of knowledge.embedding_model with its progress, as SQL returns it. */
export interface EmbeddingModelRow {
  id: string;
  name: string;
  dimensions: number;
  provider: Provider;
  is_default: boolean;
  last_error: string | null;
  retry_at: Date | string | null;
  created_at: Date | string;
  embedded_count: string | number;
  pending_count: string | number;
  failed_count: string | number;
}

/** How far a model is with the chunks of the tenant. */
export class EmbeddingProgressDto {
  /** Chunks that have a vector. */
  embedded: number;
  /** Chunks that are still to get one, or a new one. */
  pending: number;
  /** Of those, chunks that failed five times and are tried no more until the next reindexing. */
  failed: number;
}

/** A model that texts become vectors by. */
export class EmbeddingModelDto {
  id: string;
  name: string;
  dimensions: number;
  provider: Provider;
  isDefault: boolean;
  progress: EmbeddingProgressDto;
  /** Why the last attempt failed; null after a success. */
  lastError: string | null;
  /** No attempt before this. */
  retryAt: string | null;
  createdAt: string;

  static of(row: EmbeddingModelRow): EmbeddingModelDto {
    return {
      id: row.id,
      name: row.name,
      dimensions: row.dimensions,
      provider: row.provider,
      isDefault: row.is_default,
      progress: { embedded: Number(row.embedded_count), pending: Number(row.pending_count), failed: Number(row.failed_count) },
      lastError: row.last_error,
      retryAt: iso(row.retry_at),
      createdAt: iso(row.created_at),
    };
  }
}

/** A page of models, newest first. */
export class EmbeddingModelPage {
  items: EmbeddingModelDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all models, when asked for. */
  total?: number;
}

/** A piece of an item, as search finds it. */
export class ChunkDto {
  id: string;
  position: number;
  /** Title of the item and the headings that the piece stands under. */
  heading: string;
  content: string;
  /** Where it begins and ends in the text, in UTF-16 code units. */
  startOffset: number;
  endOffset: number;
  tokenCount: number;
}

/** A page of an item's chunks, in their order. */
export class ChunkPage {
  items: ChunkDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all chunks, when asked for. */
  total?: number;
}
