import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { ItemKind } from '../usage/usage.entity.js';
import { halfVector } from '../embedding/vector.js';

/** Damps the first ranks, so that two good ones beat one very good (Cormack, Clarke and Buettcher 2009, who take 60; less suits lists of tens). */
const RANK_OFFSET = 20;

/** Chunks that each part gives at least: so that items with many have not all places, and to a fusion more, where an item in the middle of both lists is worth finding. */
const CANDIDATES_MIN = { one: 50, both: 200 };

/** An item that always helps counts up to so much more. */
const SUCCESS_SHARE = 0.5;

/** Each item is taken to have helped once and failed once before it was used, so that one report moves it a little and never the wrong way. */
const PRIOR = { helpful: 1, used: 2 };

const Z = 1.959964;

/** Around what was found in an excerpt; no text has them, since they are taken out of it. */
export const MARKS = { start: '\u0002', end: '\u0003' };

const HEADLINE = `StartSel="${MARKS.start}", StopSel="${MARKS.end}", MaxFragments=2, MaxWords=40, MinWords=15, FragmentDelimiter=" … "`;

/** What the functions of search understand of a filter. */
export interface Filter {
  at: Date;
  asOf?: true;
  kinds: readonly ItemKind[];
  category?: string;
  tags?: readonly string[];
  domain?: string;
  knowledgeType?: string;
  agentId?: string;
  viewerAgent?: string;
  viewerUser?: string;
}

/** What vectors are compared with. */
export interface NearTo {
  vector: readonly number[];
  modelId: string;
  /** Whether the model was taken because it is the default one. */
  byDefault: boolean;
  /** Whether the caller knows that all documents have more chunks than are compared one by one. */
  isLarge: boolean;
  similarityMin: number;
  weight: number;
}

/** One search. Without words or without a vector, that part finds nothing. */
export interface SearchRequest {
  query: string;
  byText: boolean;
  nearTo: NearTo | null;
  filter: Filter;
  limit: number;
}

/** One hit as SQL returns it. */
export interface HitRow {
  kind: ItemKind;
  item_id: string;
  title: string;
  excerpt: string;
  score: number;
  text_rank: string | number | null;
  vector_rank: string | number | null;
  text_score: number | null;
  similarity: number | null;
  success_weight: number;
  usage_count: number;
  helpful_count: number;
  chunk_id: string;
  position: number;
  heading: string;
  start_offset: number;
  end_offset: number;
  document_version: number | null;
  unknown: string[] | null;
  /** Whether all vectors were compared, rather than those that the graph led to; null of a hit by words alone. */
  exact: boolean | null;
}

/** Lower bound of the Wilson score interval, 95 %, in SQL. */
const wilsonLow = (helpful: string, used: string): string =>
  `((${helpful} / ${used} + ${(Z * Z) / 2} / ${used} - ${Z} * sqrt((${helpful} / ${used} * (1 - ${helpful} / ${used}) + ${(Z * Z) / 4} / ${used}) / ${used})) / (1 + ${Z * Z} / ${used}))`;

const neutral = wilsonLow(`${PRIOR.helpful}::float8`, `${PRIOR.used}::float8`);
const rated = wilsonLow(`(u.helpful_count + ${PRIOR.helpful})::float8`, `(u.usage_count + ${PRIOR.used})::float8`);

/** What never changes stands in the text of the statement: each of some thirty parameters would be bound anew by every search. */
const SUCCESS_WEIGHT = sql.raw(`1 + ${SUCCESS_SHARE} * (${rated} - ${neutral})`);
const OFFSET = sql.lit(RANK_OFFSET);

/** The best chunk of each item among candidates, and the place of the item; `best` is what they are ordered by. */
const ranked = (candidates: RawBuilder<unknown>, best: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  select *, row_number() over (order by ${best}, item_id) as rank from (
    select distinct on (item_id) * from (${candidates}) candidate order by item_id, ${best}, chunk_id) items`;

/** What there is to know of an item, by its kind, beside the `f.item_id` of what was found. */
const ITEM: Record<ItemKind, (tenantId: string) => RawBuilder<unknown>> = {
  document: (tenantId) => sql`(select 'document' as kind, title, current_version as document_version, usage_count, helpful_count from knowledge.document where tenant_id = ${tenantId} and id = f.item_id limit 1)`,
  memory: (tenantId) => sql`(select 'memory' as kind, coalesce(name, knowledge_type || ' (' || domain || ')') as title, null::int as document_version, usage_count, helpful_count from knowledge.memory where tenant_id = ${tenantId} and id = f.item_id limit 1)`,
};

/**
 * Candidates by words and by nearness, fused by the ranks of their items, weighed by success: one statement. What may be found is
 * decided inside the two functions, which read by chunk_words_index, chunk_content_index and embedding_1536_index past row level
 * security; here, rows are read by primary keys, one by one: lateral joins with a limit, since the planner, who cannot know how few
 * they are, would join with all chunks of the tenant. Only what is shown is read whole, and what is not asked for is not in the
 * statement. Finds nothing where the model is gone, or no longer the default one that it was taken for.
 */
export async function selectHits(db: Sql, { query, byText, nearTo, filter, limit }: SearchRequest): Promise<HitRow[]> {
  const tenantId = currentTenantId();
  const candidates = Math.max(byText && nearTo ? CANDIDATES_MIN.both : CANDIDATES_MIN.one, limit * 5);
  const conditions = JSON.stringify(filter);
  const words = byText && sql`
    words as materialized (${ranked(sql`
      select t.chunk_id, c.item_id, t.score, t.unknown, t.guessed from knowledge.text_candidates(${query}, ${conditions}::jsonb, ${candidates}::int) t
       cross join lateral (select coalesce(document_id, memory_id) as item_id from knowledge.chunk where tenant_id = ${tenantId} and id = t.chunk_id limit 1) c`, sql`score desc`)})`;
  const vectors = nearTo && sql`
    vectors as materialized (${ranked(sql`
      select chunk_id, item_id, 1 - distance as similarity, exact from knowledge.vector_candidates(${halfVector(nearTo.vector)}::halfvec, ${nearTo.modelId}::uuid, ${nearTo.isLarge ? JSON.stringify({ ...filter, many: true }) : conditions}::jsonb, ${candidates}::int)
       where 1 - distance >= ${nearTo.similarityMin}::float8`, sql`similarity desc`)})`;
  const isModel = nearTo
    ? sql`exists (select from knowledge.embedding_model where tenant_id = ${tenantId} and id = ${nearTo.modelId}::uuid and (is_default or ${!nearTo.byDefault}::boolean))`
    : sql`true`;
  const found = await sql<HitRow>`
    with ${sql.join([words, vectors].filter(Boolean))},
    found as materialized (${foundBy(byText, nearTo)}),
    rated as (
      select f.*, u.*, ${SUCCESS_WEIGHT} as success_weight
        from found f cross join lateral (${sql.join(filter.kinds.map((kind) => ITEM[kind](tenantId)), sql` union all `)}) u
       where ${isModel}
    ), shown as (
      select *, fused * success_weight as score from rated order by score desc, item_id limit ${limit}
    ), marked as materialized (
      select ${byText ? sql`coalesce(said || (select guessed from words limit 1), said)` : sql`said`} as query
        from (select replace(websearch_to_tsquery('knowledge.prose', ${query})::text, ' & ', ' | ')::tsquery as said) q
    )
    select s.item_id, s.chunk_id, s.text_rank, s.vector_rank, s.text_score, s.similarity, s.exact, s.unknown, s.title, s.document_version, s.usage_count, s.helpful_count, s.success_weight, s.score,
           s.kind, c.position, c.heading, c.start_offset, c.end_offset,
           ts_headline('knowledge.prose', translate(c.content, ${sql.lit(MARKS.start + MARKS.end)}, ''), (select query from marked), ${sql.lit(HEADLINE)}) as excerpt
      from shown s cross join lateral (select position, heading, content, start_offset, end_offset from knowledge.chunk where tenant_id = ${tenantId} and id = s.chunk_id limit 1) c
     order by s.score desc, s.item_id`.execute(db);
  return found.rows;
}

/** The items that words, nearness or both found, and what their places are worth together. */
function foundBy(byText: boolean, nearTo: NearTo | null): RawBuilder<unknown> {
  const ofWords = sql`1.0::float8 / (${OFFSET} + w.rank)`;
  if (!nearTo) return sql`select item_id, chunk_id, rank as text_rank, null::bigint as vector_rank, score as text_score, null::float8 as similarity, null::boolean as exact, unknown, ${ofWords} as fused from words w`;
  const weight = sql`${nearTo.weight}::float8`;
  const ofVectors = (weighed: RawBuilder<unknown>) => sql`${weighed} / (${OFFSET} + v.rank)`;
  if (!byText) return sql`select item_id, chunk_id, null::bigint as text_rank, rank as vector_rank, null::float8 as text_score, similarity, exact, null::text[] as unknown, ${ofVectors(weight)} as fused from vectors v`;
  // Words that nothing has are typos, of which nearness knows as well what was meant.
  const unlessTypos = sql`case when exists (select from words where cardinality(unknown) > 0) then 1 else ${weight} end`;
  return sql`
    select item_id, coalesce(w.chunk_id, v.chunk_id) as chunk_id, w.rank as text_rank, v.rank as vector_rank, w.score as text_score, v.similarity, v.exact, w.unknown,
           coalesce(${ofWords}, 0) + coalesce(${ofVectors(unlessTypos)}, 0) as fused
      from words w full join vectors v using (item_id)`;
}
