import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsInt, IsOptional, IsString, IsUUID, Length, Matches, Max, Min, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, IsMoment, oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import { KNOWLEDGE_TYPES, type KnowledgeType } from '../memory/memory.entity.js';
import type { ItemKind } from '../usage/usage.entity.js';

/** By words, by nearness, or by both. */
export const SEARCH_MODES = ['text', 'vector', 'hybrid'] as const;
export type SearchMode = (typeof SEARCH_MODES)[number];

/** What is looked for, and where. */
export class SearchDto {
  /** Words; "quotes" hold together, a minus takes out, `or` lets choose. */
  @IsString()
  @Length(1, 2000)
  @Matches(/\S/, { message: 'query must have more than white space' })
  query: string;

  /** `hybrid` by default. */
  @ValidateIf(given)
  @IsIn(SEARCH_MODES, oneOfMessage)
  mode?: SearchMode;

  /** The query as a vector of the model, in place of one that the hive computes. */
  @ValidateIf(given)
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(4000)
  embedding?: number[];

  /** Name of the embedding model; the tenant's default one when absent. */
  @ValidateIf(given)
  @IsString()
  @Length(1, 200)
  model?: string;

  /** What this agent goes by: documents, its own memories and everybody's. A key of an agent sees no more than that anyway. */
  @ValidateIf(given)
  @IsUUID()
  agentId?: string;

  /** Memories of this domain only. */
  @ValidateIf(given)
  @IsString()
  @Length(1, 100)
  domain?: string;

  /** Memories of this type only. */
  @ValidateIf(given)
  @IsIn(KNOWLEDGE_TYPES, oneOfMessage)
  knowledgeType?: KnowledgeType;

  /** Documents of this category only. */
  @ValidateIf(given)
  @IsString()
  @Length(1, 100)
  category?: string;

  /** Documents that have all of these tags only. */
  @ValidateIf(given)
  @IsArray()
  @ArrayMaxSize(10)
  @IsString({ each: true })
  @Length(1, 100, { each: true })
  tags?: string[];

  /** What held at this moment: memories valid then, and documents made by then, with their current text. Now by default. */
  @ValidateIf(given)
  @IsMoment()
  asOf?: string;

  /** 1 to 100; 10 by default. */
  @ValidateIf(given)
  @IsInt()
  @Min(1)
  @Max(100)
  limit?: number;
}

/** Where in a text. */
export class HighlightDto {
  /** In UTF-16 code units from the beginning of the excerpt. */
  start: number;
  end: number;
}

/** At which place an item came out of each part of the search, from 1; absent where it did not. */
export class RanksDto {
  text?: number;
  vector?: number;
}

/** What a score is made of: (sum of weight / (20 + rank)) * successWeight, where the rank by words weighs 1, and that by vectors 1 too, or 0.2 when the model knows no more than words do and the query has none that nothing contains. */
export class ScorePartsDto {
  /** By words: how often and how rare they are; of parts of words, how alike they are. */
  textScore: number | null;
  /** Cosine, -1 to 1. */
  similarity: number | null;
  /** Of the lower bound of the success rate; 1 for what was never used. */
  successWeight: number;
}

/** Where the hit is. */
export class PlaceDto {
  chunkId: string;
  position: number;
  heading: string;
  /** In the item's text, in UTF-16 code units; of a memory's object, in its lines of names and values. */
  startOffset: number;
  endOffset: number;
  /** Version of the document. */
  version: number | null;
}

/** An item, with its best piece. */
export class SearchItemDto {
  kind: ItemKind;
  /** Of the document or memory; reports of uses name it. */
  id: string;
  title: string;
  excerpt: string;
  highlights: HighlightDto[];
  /** Comparable within one answer only. */
  score: number;
  ranks: RanksDto;
  parts: ScorePartsDto;
  successRate: number | null;
  place: PlaceDto;
}

/** What was found, best first. */
export class SearchResultDto {
  items: SearchItemDto[];
  /** Name of the model whose vectors were compared; null when none were. */
  model: string | null;
  /** Why vectors were not compared although they were asked for; null when all is well. */
  degraded: string | null;
  /** Words that nothing contains: what is one edit away of them was looked for, or something like them. */
  unknownWords: string[];
}

/** Which gaps to list. */
export class GapQuery extends PageQuery {
  /** Those last asked for by this agent. */
  @IsOptional()
  @IsUUID()
  agentId?: string;
}

/** Row of knowledge.gap as SQL returns it. */
export interface GapRow {
  id: string;
  query: string;
  asked_count: number;
  agent_id: string | null;
  first_asked_at: Date | string;
  last_asked_at: Date | string;
}

/** A question that search had no answer to. */
export class GapDto {
  id: string;
  query: string;
  askedCount: number;
  /** The agent for which it was asked last. */
  agentId: string | null;
  firstAskedAt: string;
  lastAskedAt: string;

  static of(row: GapRow): GapDto {
    return {
      id: row.id, query: row.query, askedCount: row.asked_count, agentId: row.agent_id, firstAskedAt: iso(row.first_asked_at), lastAskedAt: iso(row.last_asked_at),
    };
  }
}

/** A page of gaps, newest first. */
export class GapPage {
  items: GapDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all gaps, when asked for. */
  total?: number;
}
