import { Migration } from '@mikro-orm/migrations';
import { ownedBySearch } from '@agent-hive/kernel';

const OWNED = ['knowledge.tagged(jsonb)', 'knowledge.text_candidates(text, jsonb, int)', 'knowledge.vector_candidates(public.halfvec, uuid, jsonb, int)'];

/**
 * Search reads past row level security, under whose policies no index of words, trigrams or vectors serves: these functions may.
 * They assemble their statements, so that each has only the conditions that are asked for, and a plan for just these: with
 * conditions such as "category is null or equal", no index would serve any of them. Nothing of the caller's is in the text of a
 * statement: values go by USING, as $1 the tenant and $2 the filter.
 *
 * Filter: {at, kinds: [document, memory], category?, tags?, asOf?, domain?, knowledgeType?, agentId?, viewerAgent?, viewerUser?}
 */
export class Migration20261124194500_search extends Migration {
  override name = 'Migration20261124194500_search';

  override up(): void {
    // The settings of the functions are those of these libraries, which must be there for a login that is no superuser to name them.
    this.addSql(`select '[1]'::public.halfvec, public.show_limit();`);
    for (const body of [this.tagged(), Migration20261124194500_search.reach(), Migration20261124194500_search.textCandidates(), Migration20261124194500_search.vectorCandidates()]) this.addSql(body);
    for (const signature of OWNED) for (const statement of ownedBySearch('knowledge', signature)) this.addSql(statement);
  }

  override down(): void {
    this.addSql(`set local role hive_search;`);
    for (const signature of OWNED) this.addSql(`drop function ${signature};`);
    this.addSql(`set local role hive_owner;`);
    this.addSql(`drop function knowledge.reach(text, jsonb);`);
  }

  /**
   * Ids of documents that have all of the tags, by document_tags_index.
   */
  private tagged(): string {
    return `
      create function knowledge.tagged(wanted jsonb) returns table (document_id uuid)
      language sql stable security definer set search_path = pg_catalog as $$
        select d.id from knowledge.document d where d.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid and d.tags @> wanted
      $$;`;
  }

  /**
   * The condition on the rows of an item's table, "d" of documents or "m" of memories, as SQL over $2; null when the filter leaves none of the kind.
   */
  static reach(): string {
    return `
      create function knowledge.reach(kind text, filter jsonb) returns text
      language sql immutable set search_path = pg_catalog as $$
        select case
          when not filter->'kinds' ? kind then null
          when kind = 'document' then concat_ws(' and ', 'true',
            case when filter ? 'category' then 'd.category = $2->>''category''' end,
            case when filter ? 'tags' then 'd.tags @> ($2->''tags'')' end,
            case when filter ? 'asOf' then 'd.created_at <= ($2->>''at'')::timestamptz' end)
          else concat_ws(' and ',
            'm.valid_from <= ($2->>''at'')::timestamptz and (m.valid_until is null or m.valid_until > ($2->>''at'')::timestamptz) and (m.expires_at is null or m.expires_at > ($2->>''at'')::timestamptz)',
            case when filter ? 'domain' then 'm.domain = $2->>''domain''' end,
            case when filter ? 'knowledgeType' then 'm.knowledge_type = $2->>''knowledgeType''' end,
            case when filter ? 'agentId' then '(m.agent_id is null and m.user_id is null or m.agent_id = ($2->>''agentId'')::uuid)' end,
            case when filter ? 'viewerAgent' then '(m.agent_id is null and m.user_id is null or m.agent_id = ($2->>''viewerAgent'')::uuid)' end,
            case when filter ? 'viewerUser' then '(m.user_id is null or m.user_id = ($2->>''viewerUser'')::uuid)' end)
        end
      $$;`;
  }

  /**
   * The best chunks by words. A word counts the more, the fewer chunks have it (counted to 1,000); those that 1,000 and more have find
   * nothing alone. When no chunk has any of the words, the first two are looked for by their trigrams: typos, or parts of identifiers.
   * That looks into many chunks in vain, so a word that is known spares it. Who writes operators (quotes, minus) gets what they say.
   */
  static textCandidates(): string {
    return `
      create function knowledge.text_candidates(query text, filter jsonb, most int) returns table (chunk_id uuid, score float8, unknown text[])
      language plpgsql stable security definer set search_path = pg_catalog set pg_trgm.word_similarity_threshold = 0.6 as $$
      #variable_conflict use_column
      declare
        tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
        documents text := knowledge.reach('document', filter);
        memories text := knowledge.reach('memory', filter);
        of_chunk text := concat_ws(' or ',
          case when documents = 'true' then 'c.document_id is not null'
               when documents is not null then 'c.document_id is not null and exists (select from knowledge.document d where d.tenant_id = c.tenant_id and d.id = c.document_id and ' || documents || ')' end,
          case when memories is not null then 'c.memory_id is not null and exists (select from knowledge.memory m where m.tenant_id = c.tenant_id and m.id = c.memory_id and ' || memories || ')' end);
        said tsquery := websearch_to_tsquery('knowledge.prose', query);
        wanted tsquery;
        terms tsquery[] := '{}';
        weights float8[] := '{}';
        missing text[] := '{}';
        looked_for text[] := '{}';
        word text;
        term tsquery;
        known bigint;
      begin
        if tenant is null or of_chunk = '' then return; end if;
        wanted := said;
        if said::text !~ '[!<]' then
          for word in select distinct w from regexp_split_to_table(lower(query), '[^[:alnum:]_.-]+') w where w <> '' limit 32 loop
            term := plainto_tsquery('knowledge.prose', word);
            continue when numnode(term) = 0;
            select count(*) into known from (select from knowledge.chunk c where c.tenant_id = tenant and c.words @@ term limit 1000) counted;
            if known > 0 then
              terms := terms || term;
              weights := weights || ln(1 + 1000.0 / known)::float8;
              if known < 1000 then wanted := wanted || term; end if;
            elsif length(word) >= 4 and cardinality(missing) < 5 then
              missing := missing || word;
            end if;
          end loop;
          if cardinality(terms) = 0 then looked_for := missing[1:2]; end if;
        else
          terms := array[said];
          weights := array[1.0];
        end if;
        return query execute format($q$
          with found as (
            select c.id, 0::float8 as likeness from knowledge.chunk c where c.tenant_id = $1 and c.words @@ $3 and (%1$s)
            union all
            select near.id, near.likeness from unnest($9::text[]) w(word) cross join lateral (
              select c.id, public.word_similarity(w.word, c.content)::float8 as likeness from knowledge.chunk c
               where c.tenant_id = $1 and c.content operator(public.%%>) w.word and (%1$s) order by likeness desc limit 100) near
          ), best as (
            select id, max(likeness) as likeness from found group by id
          )
          select c.id, best.likeness + (case when c.words @@ $7 then 2 else 1 end)
                 * coalesce((select sum(t.weight * ts_rank(c.words, t.term, 1)) from unnest($4::tsquery[], $5::float8[]) t(term, weight) where c.words @@ t.term), 0) as score, $6::text[]
            from best join knowledge.chunk c on c.tenant_id = $1 and c.id = best.id
           order by score desc, c.id limit $8 $q$, of_chunk)
          using tenant, filter, wanted, terms, weights, missing, said, most, looked_for;
      end $$;`;
  }

  /**
   * The nearest chunks by cosine. Of few that the filter leaves, all are compared; else the index is walked until enough of those
   * that it finds are left by the filter (iterative scan, pgvector 0.8): the planner, which may not sort, has no other way to the nearest. Only vectors of 1536 dimensions have an index.
   */
  static vectorCandidates(): string {
    return `
      create function knowledge.vector_candidates(wanted public.halfvec, model uuid, filter jsonb, most int) returns table (chunk_id uuid, distance float8, exact boolean)
      language plpgsql stable security definer set search_path = pg_catalog
      set hnsw.iterative_scan = relaxed_order set hnsw.ef_search = 100 set enable_sort = off set jit = off as $$
      #variable_conflict use_column
      declare
        tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
        documents text := knowledge.reach('document', filter);
        memories text := knowledge.reach('memory', filter);
        of_chunk text := concat_ws(' or ',
          case when documents = 'true' then 'c.document_id is not null'
               when documents is not null then 'c.document_id is not null and exists (select from knowledge.document d where d.tenant_id = c.tenant_id and d.id = c.document_id and ' || documents || ')' end,
          case when memories is not null then 'c.memory_id is not null and exists (select from knowledge.memory m where m.tenant_id = c.tenant_id and m.id = c.memory_id and ' || memories || ')' end);
        chunks text := concat_ws(' union all ',
          case when documents = 'true' then 'select c.id from knowledge.chunk c where c.tenant_id = $1 and c.document_id is not null'
               when documents is not null then 'select c.id from knowledge.document d join knowledge.chunk c on c.tenant_id = d.tenant_id and c.document_id = d.id where d.tenant_id = $1 and ' || documents end,
          case when memories is not null then 'select c.id from knowledge.memory m join knowledge.chunk c on c.tenant_id = m.tenant_id and c.memory_id = m.id where m.tenant_id = $1 and ' || memories end);
        few boolean;
      begin
        if tenant is null or of_chunk = '' then return; end if;
        few := public.vector_dims(wanted) <> 1536;
        if not few then
          execute format('select count(*) <= 5000 from (select from (%s) of_filter limit 5000 + 1) counted', chunks) into few using tenant, filter;
        end if;
        if few then
          return query execute format($q$
            select e.chunk_id, (e.embedding operator(public.<=>) $3)::float8 as distance, true
              from (%s) c join knowledge.embedding e on e.tenant_id = $1 and e.chunk_id = c.id and e.model_id = $4
             order by distance, e.chunk_id limit $5 $q$, chunks) using tenant, filter, wanted, model, most;
        else
          return query execute format($q$
            select near.chunk_id, near.distance, false from (
              select e.chunk_id, (e.embedding::public.halfvec(1536) operator(public.<=>) $3::public.halfvec(1536))::float8 as distance
                from knowledge.embedding e join knowledge.chunk c on c.tenant_id = e.tenant_id and c.id = e.chunk_id
               where e.dimensions = 1536 and e.tenant_id = $1 and e.model_id = $4 and (%s)
               order by e.embedding::public.halfvec(1536) operator(public.<=>) $3::public.halfvec(1536) limit $5) near
             order by near.distance, near.chunk_id $q$, of_chunk) using tenant, filter, wanted, model, most;
        end if;
      end $$;`;
  }
}
