import { Migration } from '@mikro-orm/migrations';
import { ownedBySearch } from '@agent-hive/kernel';
import { Migration20261124233000_ranking } from './Migration20261124233000_ranking.js';

const SIGNATURE = 'knowledge.text_candidates(text, jsonb, int)';

/**
 * Finds what was meant by a word that nothing has: of all words that are one edit away, those that something has. The index of words
 * is its own dictionary. Each is looked up there, and each look-up reads what was added since the index was last put in order, so that is kept short.
 * Measured by a set of questions, docs/knowledge.md.
 */
export class Migration20261130214520_guesses extends Migration {
  override name = 'Migration20261130214520_guesses';

  override up(): void {
    this.addSql(`set local lock_timeout = '5s';`);
    this.indexWords('with (gin_pending_list_limit = 64)');
    this.addSql(this.editsOf());
    this.replace(this.textCandidates());
  }

  override down(): void {
    // What is applied keeps its source, and its checksum: the method stays as private as it was.
    this.replace(Migration20261124233000_ranking.prototype['textCandidates']());
    this.addSql(`drop function knowledge.edits_of(text);`);
    this.indexWords('');
  }

  private indexWords(options: string): void {
    this.addSql(`drop index "knowledge"."chunk_words_index";`);
    this.addSql(`create index "chunk_words_index" on "knowledge"."chunk" using gin ("tenant_id", "words") ${options};`);
  }

  private replace(body: string): void {
    // The function has a setting of this library, which must be there for a login that is no superuser to name it.
    this.addSql('select public.show_limit();');
    for (const statement of ['set local role hive_search;', `drop function ${SIGNATURE};`, 'set local role hive_owner;', body, ...ownedBySearch('knowledge', SIGNATURE)]) this.addSql(statement);
  }

  /** All words that differ from one by a letter more or less, another letter, or two letters in each other's place; letters are the Latin ones and its own. */
  private editsOf(): string {
    return `
      create function knowledge.edits_of(word text) returns text[]
      language sql immutable set search_path = pg_catalog as $$
        with letter as (select distinct regexp_split_to_table('abcdefghijklmnopqrstuvwxyz' || word, '') as letter),
        place as (select left(word, at) as head, substr(word, at + 1) as tail from generate_series(0, length(word)) at)
        select array_agg(edit) from (
          select head || substr(tail, 2) as edit from place where tail <> ''
          union select head || substr(tail, 2, 1) || left(tail, 1) || substr(tail, 3) from place where length(tail) > 1
          union select head || letter || substr(tail, 2) from place, letter where tail <> ''
          union select head || letter || tail from place, letter) edits
         where edit <> word and word ~ '^[[:alpha:]]{4,24}$'
      $$;`;
  }

  /**
   * The best chunks by words. A word weighs the more, the fewer chunks have it (counted to 1,000); those that 1,000 and more have find
   * nothing alone. In the place of a word that nothing has stand the words one edit away that something has (of the first five such
   * words, of letters only). The score of a chunk is the sum of the weights of the words that it has, each by how often and where it
   * has it (in a heading three times what it counts in the text, damped by the root), times the square of their share in the weight of
   * all words. When no chunk has any of the words or of those in their place, the first two are looked for by their trigrams: parts of
   * identifiers, or worse typos. That looks into many chunks in vain, so a word that is known spares it. Who writes operators (quotes,
   * minus) gets what they say.
   */
  private textCandidates(): string {
    return `
      create function knowledge.text_candidates(query text, filter jsonb, most int) returns table (chunk_id uuid, score float8, unknown text[], guessed tsquery)
      language plpgsql stable security definer set search_path = pg_catalog set pg_trgm.word_similarity_threshold = 0.6 set plan_cache_mode = force_generic_plan as $$
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
        guesses tsquery;
        weight_of_all float8;
      begin
        if tenant is null or of_chunk = '' then return; end if;
        wanted := said;
        if said::text !~ '[!<]' then
          for word in select distinct w from regexp_split_to_table(lower(query), '[^[:alnum:]_.-]+') w where w <> '' limit 32 loop
            term := plainto_tsquery('knowledge.prose', word);
            continue when numnode(term) = 0;
            select count(*) into known from (select from knowledge.chunk c where c.tenant_id = tenant and c.words @@ term limit 1000) counted;
            if known = 0 and length(word) >= 4 and cardinality(missing) < 5 then
              missing := missing || word;
              select string_agg(guess::text, ' | ')::tsquery into term
                from (select distinct plainto_tsquery('knowledge.prose', edit) as guess from unnest(knowledge.edits_of(word)) edit) g
               cross join lateral (select from knowledge.chunk c where c.tenant_id = tenant and c.words @@ guess limit 1) c
               where numnode(guess) = 1;
              guesses := coalesce(guesses || term, term, guesses);
              select count(*) into known from (select from knowledge.chunk c where c.tenant_id = tenant and c.words @@ term limit 1000) counted;
            end if;
            if known > 0 then
              terms := terms || term;
              weights := weights || ln(1 + 1000.0 / known)::float8;
              if known < 1000 then wanted := wanted || term; end if;
            end if;
          end loop;
          if cardinality(terms) = 0 then looked_for := missing[1:2]; end if;
        else
          terms := array[said];
          weights := array[1.0];
        end if;
        select sum(w) into weight_of_all from unnest(weights) w;
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
          select c.id, best.likeness + coalesce((
                   select sum(t.weight * sqrt(ts_rank('{0.3, 0.3, 0.3, 1}', c.words, t.term, 1))) * (sum(t.weight) / $7) ^ 2
                     from unnest($4::tsquery[], $5::float8[]) t(term, weight) where c.words @@ t.term), 0) as score, $6::text[], $10::tsquery
            from best join knowledge.chunk c on c.tenant_id = $1 and c.id = best.id
           order by score desc, c.id limit $8 $q$, of_chunk)
          using tenant, filter, wanted, terms, weights, missing, weight_of_all, most, looked_for, guesses;
      end $$;`;
  }
}
