import { Migration } from '@mikro-orm/migrations';
import { ownedBySearch } from '@agent-hive/kernel';
import { DOCUMENTS, HOLDS, MEMORIES, Migration20261125010000_nearest, OF_DOCUMENT, OF_MEMORY } from './Migration20261125010000_nearest.js';

const SIGNATURE = 'knowledge.vector_candidates(public.halfvec, uuid, jsonb, int)';

/**
 * A vector says what it is of, so that those of a filter's items are read by ranges of one index, without their chunks. Measured in
 * docs/adr/0018. Rows are written anew, and so is the graph: once and whole, which takes less than a vector at a time.
 */
export class Migration20261130190000_vectors_of_items extends Migration {
  override name = 'Migration20261130190000_vectors_of_items';

  override up(): void {
    this.addSql(`set local lock_timeout = '5s';`);
    this.addSql(`drop index "knowledge"."embedding_1536_index";`);
    this.addSql(`alter table "knowledge"."embedding" add column "item_kind" text, add column "item_id" uuid;`);
    for (const table of ['embedding', 'chunk']) this.addSql(`alter table "knowledge"."${table}" no force row level security;`);
    this.addSql(`update knowledge.embedding e set item_kind = case when c.document_id is null then 'memory' else 'document' end, item_id = coalesce(c.document_id, c.memory_id) from knowledge.chunk c where c.tenant_id = e.tenant_id and c.id = e.chunk_id;`);
    for (const table of ['embedding', 'chunk']) this.addSql(`alter table "knowledge"."${table}" force row level security;`);
    this.addSql(`alter table "knowledge"."embedding" alter column "item_kind" set not null, alter column "item_id" set not null;`);
    this.addSql(`alter table "knowledge"."embedding" add constraint "embedding_item_kind_check" check (item_kind in ('document', 'memory'));`);
    this.addSql(`drop index "knowledge"."embedding_model_index";`);
    this.addSql(`create index "embedding_item_index" on "knowledge"."embedding" ("tenant_id", "model_id", "item_id");`);
    this.addSql(`create index "embedding_1536_index" on "knowledge"."embedding" using hnsw (("embedding"::halfvec(1536)) halfvec_cosine_ops) where dimensions = 1536;`);
    this.replace(this.vectorCandidates());
  }

  override down(): void {
    // What is applied keeps its source, and its checksum: the method stays as private as it was.
    this.replace(Migration20261125010000_nearest.prototype['vectorCandidates']());
    this.addSql(`drop index "knowledge"."embedding_item_index";`);
    this.addSql(`create index "embedding_model_index" on "knowledge"."embedding" ("tenant_id", "model_id", "chunk_id");`);
    this.addSql(`alter table "knowledge"."embedding" drop constraint "embedding_item_kind_check", drop column "item_kind", drop column "item_id";`);
  }

  private replace(body: string): void {
    // The function has settings of this library, which must be there for a login that is no superuser to name them.
    this.addSql(`select '[1]'::public.halfvec;`);
    for (const statement of ['set local role hive_search;', `drop function ${SIGNATURE};`, 'set local role hive_owner;', body, ...ownedBySearch('knowledge', SIGNATURE)]) this.addSql(statement);
  }

  /**
   * As it was, but for where it reads: the vectors of the items that the filter leaves are counted to 5,000 and compared by
   * embedding_item_index; in the graph, a vector of a document says so itself.
   */
  private vectorCandidates(): string {
    const near = (ofItem: string) => `
              select e.chunk_id, e.item_id, (e.embedding::public.halfvec(1536) operator(public.<=>) $3::public.halfvec(1536))::float8 as distance
                from knowledge.embedding e
               where e.dimensions = 1536 and e.tenant_id = $1 and e.model_id = $4 and (${ofItem})
               order by e.embedding::public.halfvec(1536) operator(public.<=>) $3::public.halfvec(1536) limit $5`;
    const ofKind = (kind: string, table: string, conditions: string) => `e.item_kind = '${kind}' and exists (select from knowledge.${table} ${kind[0]} where ${kind[0]}.tenant_id = e.tenant_id and ${kind[0]}.id = e.item_id and ${conditions}`;
    const quotes = (text: string) => text.replaceAll(`'`, `''`);
    const standing = (statement: string) => statement.replaceAll('$1', 'tenant').replaceAll('$2', 'filter').replaceAll('$3', 'wanted').replaceAll('$4', 'model').replaceAll('$5', 'most');
    const memory = [`filter->'kinds' ? 'memory'`, HOLDS, ...OF_MEMORY.map(([key, condition]) => `(not filter ? '${key}' or ${condition})`)].join(' and ');
    const keys = `array[${OF_DOCUMENT.map(([key]) => `'${key}'`).join(', ')}]`;
    const [[category, ofCategory], [tags, ofTags]] = OF_DOCUMENT;
    const documentsWith = (condition: string) => `select d.id from knowledge.document d where d.tenant_id = $1 and ${condition}`;
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
        items text := concat_ws(' union all ',
          case when documents is not null then '${documentsWith('')}' || documents end,
          case when memories is not null then 'select m.id from knowledge.memory m where m.tenant_id = $1 and ' || memories end);
        kept uuid[];
        chunk_ids uuid[];
        item_ids uuid[];
        distances float8[];
      begin
        if tenant is null or items = '' then return; end if;
        if has_index and all_documents and not many then
          perform from knowledge.embedding e where e.tenant_id = tenant and e.model_id = model offset 5000 limit 1;
          many := found;
        end if;
        if has_index and not many then
          if only_documents and filter ? '${category}' and not filter ?| ${keys.replace(`'${category}', `, '')} then
            select array_agg(k.id) into kept from (${standing(documentsWith(ofCategory))} limit 5000 + 1) k;
          elsif only_documents and filter ? '${tags}' and not filter ?| ${keys.replace(`'${tags}', `, '')} then
            select array_agg(k.id) into kept from (${standing(documentsWith(ofTags))} limit 5000 + 1) k;
          else
            execute format($q$ select array_agg(k.id) from (select * from (%s) of_filter limit 5000 + 1) k $q$, items) into kept using tenant, filter;
          end if;
          perform from unnest(kept) k(id) join knowledge.embedding e on e.tenant_id = tenant and e.model_id = model and e.item_id = k.id offset 5000 limit 1;
          many := found or coalesce(cardinality(kept) > 5000, false);
          if not many then
            return query
              select e.chunk_id, e.item_id, (e.embedding operator(public.<=>) wanted)::float8 as distance, true
                from unnest(kept) k(id) join knowledge.embedding e on e.tenant_id = tenant and e.model_id = model and e.item_id = k.id
               order by distance, e.chunk_id limit most;
            return;
          end if;
        end if;
        if many then
          if all_documents then
            select array_agg(near.chunk_id), array_agg(near.item_id), array_agg(near.distance) into chunk_ids, item_ids, distances from (${standing(near(`e.item_kind = 'document' or ${ofKind('memory', 'memory', memory)})`))}) near;
          else
            execute format($q$
            select array_agg(near.chunk_id), array_agg(near.item_id), array_agg(near.distance) from (${near('%s')}) near $q$, concat_ws(' or ',
              '${quotes(ofKind('document', 'document', ''))}' || documents || ')',
              '${quotes(ofKind('memory', 'memory', ''))}' || memories || ')'))
              into chunk_ids, item_ids, distances using tenant, filter, wanted, model, most;
          end if;
          if cardinality(chunk_ids) = most then
            return query select near.chunk_id, near.item_id, near.distance, false from unnest(chunk_ids, item_ids, distances) near(chunk_id, item_id, distance);
            return;
          end if;
        end if;
        return query execute format($q$
          select e.chunk_id, e.item_id, (e.embedding operator(public.<=>) $3)::float8 as distance, true
            from (%s) k join knowledge.embedding e on e.tenant_id = $1 and e.model_id = $4 and e.item_id = k.id
           order by distance, e.chunk_id limit $5 $q$, items) using tenant, filter, wanted, model, most;
      end $$;`;
  }
}
