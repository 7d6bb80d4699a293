import { Migration } from '@mikro-orm/migrations';
import { ownedBySearch } from '@agent-hive/kernel';
import { Migration20261124194500_search } from './Migration20261124194500_search.js';

const SIGNATURE = 'knowledge.vector_candidates(public.halfvec, uuid, jsonb, int)';

/** What each key of a filter asks of a document "d". */
export const OF_DOCUMENT = [
  ['category', `d.category = $2->>'category'`],
  ['tags', `d.tags @> ($2->'tags')`],
  ['asOf', `d.created_at <= ($2->>'at')::timestamptz`],
] as const;

/** What every filter asks of a memory "m", and what each key asks besides. */
export const HOLDS = `m.valid_from <= ($2->>'at')::timestamptz and (m.valid_until is null or m.valid_until > ($2->>'at')::timestamptz) and (m.expires_at is null or m.expires_at > ($2->>'at')::timestamptz)`;
export const OF_MEMORY = [
  ['domain', `m.domain = $2->>'domain'`],
  ['knowledgeType', `m.knowledge_type = $2->>'knowledgeType'`],
  ['agentId', `(m.agent_id is null and m.user_id is null or m.agent_id = ($2->>'agentId')::uuid)`],
  ['viewerAgent', `(m.agent_id is null and m.user_id is null or m.agent_id = ($2->>'viewerAgent')::uuid)`],
  ['viewerUser', `(m.user_id is null or m.user_id = ($2->>'viewerUser')::uuid)`],
] as const;

const quoted = (text: string): string => `'${text.replaceAll(`'`, `''`)}'`;
const whereGiven = (conditions: typeof OF_DOCUMENT | typeof OF_MEMORY): string => conditions.map(([key, condition]) => `case when filter ? '${key}' then ${quoted(condition)} end`).join(', ');

/** The condition on the rows of an item's table, as an expression that gives SQL over $2. */
export const DOCUMENTS = `concat_ws(' and ', 'true', ${whereGiven(OF_DOCUMENT)})`;
export const MEMORIES = `concat_ws(' and ', ${quoted(HOLDS)}, ${whereGiven(OF_MEMORY)})`;

/**
 * Finds the nearest in fewer statements, and all of them: where the graph gives fewer than are asked for, as among many that are
 * nearly the same or far from what the filter leaves, all are compared. Measured in docs/adr/0018.
 */
export class Migration20261125010000_nearest extends Migration {
  override name = 'Migration20261125010000_nearest';

  override up(): void {
    this.indexChunks('include ("id")');
    this.addSql(this.reach());
    this.replace(this.vectorCandidates());
  }

  override down(): void {
    this.replace(Migration20261124194500_search.vectorCandidates());
    this.addSql(Migration20261124194500_search.reach().replace('create function', 'create or replace function'));
    this.indexChunks('');
  }

  /** With their identifiers, so that those of an item are read without a look at any row. */
  private indexChunks(included: string): void {
    for (const kind of ['document', 'memory']) {
      this.addSql(`drop index "knowledge"."chunk_${kind}_index";`);
      this.addSql(`create index "chunk_${kind}_index" on "knowledge"."chunk" ("tenant_id", "${kind}_id", "position") ${included} where ${kind}_id is not null;`);
    }
  }

  private replace(body: string): void {
    // The function has settings of this library, which must be there for a login that is no superuser to name them.
    this.addSql(`select '[1]'::public.halfvec;`);
    for (const statement of ['set local role hive_search;', `drop function ${SIGNATURE};`, 'set local role hive_owner;', body, ...ownedBySearch('knowledge', SIGNATURE)]) this.addSql(statement);
  }

  /** As it was, by the lists above. */
  private reach(): string {
    return `
      create or replace function knowledge.reach(kind text, filter jsonb) returns text
      language sql immutable set search_path = pg_catalog as $$
        select case
          when not filter->'kinds' ? kind then null
          when kind = 'document' then ${DOCUMENTS}
          else ${MEMORIES}
        end
      $$;`;
  }

  /**
   * The nearest chunks by cosine with the items that they are of, in no order. Of up to 5,000 that the filter leaves, all are compared; of more, the index is walked
   * until enough of those that it finds are left by the filter (iterative scan, pgvector 0.8): the planner, which may not sort, has no
   * other way to the nearest. Only vectors of 1536 dimensions have an index. Where it gives fewer than are asked for, all are compared.
   *
   * Parsing and planning take longer than finding few. So what is asked most stands as it is and keeps its plan (a generic one: it is
   * the same whatever is looked for): the nearest of all documents and of the memories that the caller may see, and documents by category or
   * by tags. That all documents are many is told by chunk_document_index without a look at any row, or by the caller, who was told so
   * shortly before (key "many" of the filter).
   */
  private vectorCandidates(): string {
    const near = (ofChunk: string) => `
              select e.chunk_id, coalesce(c.document_id, c.memory_id) as item_id, (e.embedding::public.halfvec(1536) operator(public.<=>) $3::public.halfvec(1536))::float8 as distance
                from knowledge.embedding e join knowledge.chunk c on c.tenant_id = e.tenant_id and c.id = e.chunk_id
               where e.dimensions = 1536 and e.tenant_id = $1 and e.model_id = $4 and (${ofChunk})
               order by e.embedding::public.halfvec(1536) operator(public.<=>) $3::public.halfvec(1536) limit $5`;
    const chunksOfDocuments = (condition: string) => `select c.id, d.id as item_id from knowledge.document d join knowledge.chunk c on c.tenant_id = d.tenant_id and c.document_id = d.id where d.tenant_id = $1 and ${condition}`;
    const standing = (statement: string) => statement.replaceAll('$1', 'tenant').replaceAll('$2', 'filter').replaceAll('$3', 'wanted').replaceAll('$4', 'model').replaceAll('$5', 'most');
    const memory = [`filter->'kinds' ? 'memory'`, HOLDS, ...OF_MEMORY.map(([key, condition]) => `(not filter ? '${key}' or ${condition})`)].join(' and ');
    const keys = `array[${OF_DOCUMENT.map(([key]) => `'${key}'`).join(', ')}]`;
    const [[category, ofCategory], [tags, ofTags]] = OF_DOCUMENT;
    return `
      create function knowledge.vector_candidates(wanted public.halfvec, model uuid, filter jsonb, most int) returns table (chunk_id uuid, item_id uuid, distance float8, exact boolean)
      language plpgsql stable security definer rows 100 set search_path = pg_catalog
      set hnsw.iterative_scan = relaxed_order set hnsw.ef_search = 100 set enable_sort = off set jit = off set plan_cache_mode = force_generic_plan as $$
      #variable_conflict use_column
      declare
        tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
        has_index boolean := public.vector_dims(wanted) = 1536;
        all_documents boolean := filter->'kinds' ? 'document' and not filter ?| ${keys};
        only_documents boolean := filter->'kinds' ? 'document' and not filter->'kinds' ? 'memory';
        many boolean := has_index and all_documents and filter ? 'many';
        documents text := case when filter->'kinds' ? 'document' then ${DOCUMENTS} end;
        memories text := case when filter->'kinds' ? 'memory' then ${MEMORIES} end;
        chunks text := concat_ws(' union all ',
          case when documents = 'true' then 'select c.id, c.document_id as item_id from knowledge.chunk c where c.tenant_id = $1 and c.document_id is not null'
               when documents is not null then '${chunksOfDocuments('')}' || documents end,
          case when memories is not null then 'select c.id, m.id as item_id from knowledge.memory m join knowledge.chunk c on c.tenant_id = m.tenant_id and c.memory_id = m.id where m.tenant_id = $1 and ' || memories end);
        kept uuid[];
        items uuid[];
        ids uuid[];
        distances float8[];
      begin
        if tenant is null or chunks = '' then return; end if;
        if has_index and all_documents and not many then
          perform from knowledge.chunk c where c.tenant_id = tenant and c.document_id is not null offset 5000 limit 1;
          many := found;
        end if;
        if has_index and not many then
          if only_documents and filter ? '${category}' and not filter ?| ${keys.replace(`'${category}', `, '')} then
            select array_agg(k.id), array_agg(k.item_id) into kept, items from (${standing(chunksOfDocuments(ofCategory))} limit 5000 + 1) k;
          elsif only_documents and filter ? '${tags}' and not filter ?| ${keys.replace(`'${tags}', `, '')} then
            select array_agg(k.id), array_agg(k.item_id) into kept, items from (${standing(chunksOfDocuments(ofTags))} limit 5000 + 1) k;
          else
            execute format($q$ select array_agg(k.id), array_agg(k.item_id) from (select * from (%s) of_filter limit 5000 + 1) k $q$, chunks) into kept, items using tenant, filter;
          end if;
          many := coalesce(cardinality(kept) > 5000, false);
          if not many then
            return query
              select k.id, k.item_id, (e.embedding operator(public.<=>) wanted)::float8 as distance, true
                from unnest(kept, items) k(id, item_id) join knowledge.embedding e on e.tenant_id = tenant and e.chunk_id = k.id and e.model_id = model
               order by distance, k.id limit most;
            return;
          end if;
        end if;
        if many then
          if all_documents then
            select array_agg(near.chunk_id), array_agg(near.item_id), array_agg(near.distance) into ids, items, distances from (${standing(near(`c.document_id is not null or exists (select from knowledge.memory m where m.tenant_id = c.tenant_id and m.id = c.memory_id and ${memory})`))}) near;
          else
            execute format($q$
            select array_agg(near.chunk_id), array_agg(near.item_id), array_agg(near.distance) from (${near('%s')}) near $q$, concat_ws(' or ',
              'c.document_id is not null and exists (select from knowledge.document d where d.tenant_id = c.tenant_id and d.id = c.document_id and ' || documents || ')',
              'c.memory_id is not null and exists (select from knowledge.memory m where m.tenant_id = c.tenant_id and m.id = c.memory_id and ' || memories || ')'))
              into ids, items, distances using tenant, filter, wanted, model, most;
          end if;
          if cardinality(ids) = most then
            return query select near.chunk_id, near.item_id, near.distance, false from unnest(ids, items, distances) near(chunk_id, item_id, distance);
            return;
          end if;
        end if;
        return query execute format($q$
          select e.chunk_id, c.item_id, (e.embedding operator(public.<=>) $3)::float8 as distance, true
            from (%s) c join knowledge.embedding e on e.tenant_id = $1 and e.chunk_id = c.id and e.model_id = $4
           order by distance, e.chunk_id limit $5 $q$, chunks) using tenant, filter, wanted, model, most;
      end $$;`;
  }
}
