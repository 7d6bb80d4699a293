import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { decodeIdCursor, Invalid, NotFound, pageOf, tenantRead, tenantStatement, type Page } from '@agent-hive/kernel';
import { selectModel, type ModelRow } from '../embedding/embedding-model.sql.js';
import { requireVector } from '../embedding/embedding-models.service.js';
import { EmbeddingsService } from '../embedding/embeddings.service.js';
import { RememberedModels, type RememberedModel } from '../embedding/remembered-models.js';
import { requireOwn, viewer } from '../memory/visibility.js';
import { successRate } from '../usage/success.dto.js';
import { ITEM_KINDS } from '../usage/usage.entity.js';
import { excerptOf } from './excerpt.js';
import { countGap, countGaps, selectGaps } from './gap.sql.js';
import { GapDto, type GapQuery, type SearchDto, type SearchItemDto, type SearchResultDto } from './search.dto.js';
import { selectHits, type Filter, type HitRow, type NearTo, type SearchRequest } from './search.sql.js';

const DEFAULT_LIMIT = 10;

/** Vectors of words are never quite at right angles: below this, two texts share nothing that counts. */
const LEXICAL_SIMILARITY_MIN = 0.1;

/** Vectors of words say little that the words did not. */
const LEXICAL_WEIGHT = 0.2;

/** Below a right angle nothing is near. */
const SIMILARITY_MIN = 0;

/** Finds documents and memories, within what the caller may see. */
@Injectable()
export class SearchService {
  private readonly models = new RememberedModels();

  constructor(
    private readonly em: EntityManager,
    private readonly embeddings: EmbeddingsService,
  ) {}

  /**
   * What fits a query best. Without vectors, whatever the reason, it answers by words and says why. Throws NotFound on a model,
   * Invalid on a vector that is none of the model's and on filters that no item can meet, Forbidden when an agent asks for another.
   */
  async search(input: SearchDto): Promise<SearchResultDto> {
    const filter = filterOf(input, new Date());
    const mode = input.mode ?? 'hybrid';
    const find = async (by: Nearness) => {
      const request: SearchRequest = { query: input.query, byText: mode !== 'vector' || by.nearTo === null, nearTo: by.nearTo, filter, limit: input.limit ?? DEFAULT_LIMIT };
      return { ...by, hits: await tenantRead(this.em, (db) => selectHits(db, request)) };
    };
    let found = await find(mode === 'text' ? NO_VECTOR : await this.nearTo(input));
    // Nothing is found by a model that is no longer what was remembered of it.
    if (found.hits.length === 0 && found.nearTo) {
      const { model: now } = await this.model(input.model, true);
      if (now.id !== found.nearTo.modelId) found = await find(await this.nearTo(input));
    }
    if (found.remembered && isOfAllDocuments(filter) && found.hits.some((hit) => hit.exact === false)) found.remembered.isLarge = true;
    const { hits, model, degraded } = found;
    if (hits.length === 0) await this.keepGap(input);
    return { items: hits.map(itemOf), model, degraded, unknownWords: hits.find((hit) => hit.unknown !== null)?.unknown ?? [] };
  }

  /** A page of questions that had no answer, newest first. */
  async listGaps(query: GapQuery): Promise<Page<GapDto>> {
    requireOwn({ agentId: query.agentId });
    const own = { ...query, agentId: viewer().agentId ?? query.agentId };
    const before = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const page: Page<GapDto> = pageOf(await selectGaps(db, own, before), query.limit, (row) => [row.id], (row) => GapDto.of(row));
      if (query.total) page.total = await countGaps(db, own);
      return page;
    });
  }

  /** The vector of the query: the caller's, or one that is computed before any transaction is open. */
  private async nearTo({ query, embedding, model: name }: SearchDto): Promise<Nearness> {
    let remembered = await this.model(name);
    // What does not fit what is remembered may fit what there is now.
    if (embedding ? embedding.length !== remembered.model.dimensions : remembered.model.provider === 'caller') remembered = await this.model(name, true);
    const { model, isLarge } = remembered;
    const { vector, degraded } = embedding ? { vector: requireVector(embedding, model, '/embedding'), degraded: null } : await this.embeddings.embedQuery(model, query);
    if (!vector) return { ...NO_VECTOR, degraded };
    const [similarityMin, weight] = model.provider === 'lexical' ? [LEXICAL_SIMILARITY_MIN, LEXICAL_WEIGHT] : [SIMILARITY_MIN, 1];
    return { nearTo: { vector, modelId: model.id, byDefault: name === undefined, isLarge, similarityMin, weight }, remembered, model: model.name, degraded: null };
  }

  private model(name: string | undefined, isFresh = false): Promise<RememberedModel> {
    const lookUp = async (): Promise<ModelRow> => {
      if (name === undefined) return this.embeddings.defaultModel();
      const model = await tenantStatement(this.em, (db) => selectModel(db, { name }));
      if (!model) throw new NotFound('embedding model', name);
      return model;
    };
    return this.models.get(name ?? null, lookUp, isFresh);
  }

  private async keepGap({ query, agentId }: SearchDto): Promise<void> {
    const text = query.trim().replace(/\s+/g, ' ');
    const digest = createHash('sha256').update(text.toLowerCase()).digest('hex');
    await tenantStatement(this.em, (db) => countGap(db, { query: text, digest, agentId: agentId?.toLowerCase() ?? viewer().agentId }, new Date()));
  }
}

/** How the vector part of a search goes: by which model, or why not. */
interface Nearness {
  nearTo: NearTo | null;
  remembered: RememberedModel | null;
  model: string | null;
  degraded: string | null;
}

const NO_VECTOR: Nearness = { nearTo: null, remembered: null, model: null, degraded: null };

const isOfAllDocuments = ({ kinds, category, tags, asOf }: Filter): boolean => kinds.includes('document') && category === undefined && tags === undefined && asOf === undefined;

function filterOf(input: SearchDto, now: Date): Filter {
  requireOwn({ agentId: input.agentId });
  const { agentId: viewerAgent, userId: viewerUser } = viewer();
  const ofDocuments = (['category', 'tags'] as const).filter((name) => input[name] !== undefined);
  const ofMemories = (['domain', 'knowledgeType'] as const).filter((name) => input[name] !== undefined);
  if (ofDocuments.length > 0 && ofMemories.length > 0) {
    const message = `${ofMemories[0]} is of memories and ${ofDocuments[0]} of documents: nothing has both`;
    throw new Invalid(message, [{ pointer: `/${ofMemories[0]}`, message }]);
  }
  return {
    at: input.asOf === undefined ? now : new Date(input.asOf),
    ...(input.asOf !== undefined && { asOf: true }),
    kinds: ofDocuments.length > 0 ? ['document'] : ofMemories.length > 0 ? ['memory'] : ITEM_KINDS,
    category: input.category,
    tags: input.tags,
    domain: input.domain,
    knowledgeType: input.knowledgeType,
    agentId: input.agentId,
    viewerAgent: viewerAgent ?? undefined,
    viewerUser: viewerUser ?? undefined,
  };
}

function itemOf(row: HitRow): SearchItemDto {
  return {
    kind: row.kind,
    id: row.item_id,
    title: row.title,
    ...excerptOf(row.excerpt),
    score: row.score,
    ranks: { ...(row.text_rank !== null && { text: Number(row.text_rank) }), ...(row.vector_rank !== null && { vector: Number(row.vector_rank) }) },
    parts: { textScore: row.text_score, similarity: row.similarity, successWeight: row.success_weight },
    successRate: successRate(row),
    place: { chunkId: row.chunk_id, position: row.position, heading: row.heading, startOffset: row.start_offset, endOffset: row.end_offset, version: row.document_version },
  };
}
