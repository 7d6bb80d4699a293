import { Migration } from '@mikro-orm/migrations';

export class Migration20261124194346_knowledge_tables extends Migration {

  override name = 'Migration20261124194346_knowledge_tables';

  override up(): void | Promise<void> {
    // Stems of English words, and those of others as they are, without accents. The generated column of chunks needs it.
    this.addSql(`create text search configuration knowledge.prose (copy = pg_catalog.english);`);
    this.addSql(`alter text search configuration knowledge.prose alter mapping for hword, hword_part, word with public.unaccent, english_stem;`);

    this.addSql(`create table "knowledge"."embedding_model" ("tenant_id" uuid not null, "id" uuid not null, "name" text not null, "dimensions" int not null, "provider" text not null, "is_default" boolean not null, "last_error" text null, "retry_at" timestamptz(3) null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`alter table "knowledge"."embedding_model" add constraint "embedding_model_name_unique" unique ("tenant_id", "name");`);
    this.addSql(`create unique index "embedding_model_default_unique" on "knowledge"."embedding_model" ("tenant_id") where is_default;`);

    this.addSql(`create table "knowledge"."document" ("tenant_id" uuid not null, "id" uuid not null, "name" text not null, "title" text not null, "category" text not null, "format" text not null, "tags" jsonb not null, "document_metadata" jsonb not null, "current_version" int not null, "usage_count" int not null default 0, "helpful_count" int not null default 0, "last_used_at" timestamptz(3) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "document_name_index" on "knowledge"."document" ("tenant_id", "name", "id");`);
    this.addSql(`create index "document_category_index" on "knowledge"."document" ("tenant_id", "category", "id");`);
    this.addSql(`create index "document_tags_index" on "knowledge"."document" using gin ("tenant_id", "tags");`);
    this.addSql(`alter table "knowledge"."document" add constraint "document_category_name_unique" unique ("tenant_id", "category", "name");`);

    this.addSql(`create table "knowledge"."document_version" ("tenant_id" uuid not null, "document_id" uuid not null, "number" int not null, "content" text not null, "digest" text not null, "size_bytes" int not null, "token_count" int not null, "summary" text null, "restored_from" int null, "created_by_name" text not null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "document_id", "number"));`);

    this.addSql(`create table "knowledge"."gap" ("tenant_id" uuid not null, "id" uuid not null, "digest" text not null, "query" text not null, "asked_count" int not null, "agent_id" uuid null, "first_asked_at" timestamptz(3) not null, "last_asked_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`alter table "knowledge"."gap" add constraint "gap_digest_unique" unique ("tenant_id", "digest");`);

    this.addSql(`create table "knowledge"."usage" ("tenant_id" uuid not null, "id" uuid not null, "item_kind" text not null, "item_id" uuid not null, "agent_id" uuid null, "task_id" uuid null, "helpful" boolean not null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "usage_item_index" on "knowledge"."usage" ("tenant_id", "item_id", "id");`);
    this.addSql(`create index "usage_agent_index" on "knowledge"."usage" ("tenant_id", "agent_id", "id") where agent_id is not null;`);
    this.addSql(`create index "usage_task_index" on "knowledge"."usage" ("tenant_id", "task_id", "id") where task_id is not null;`);

    this.addSql(`create table "knowledge"."memory" ("tenant_id" uuid not null, "id" uuid not null, "agent_id" uuid null, "user_id" uuid null, "name" text null, "knowledge_type" text not null, "domain" text not null, "content" jsonb not null, "read_mode" text not null, "access" text not null, "valid_from" timestamptz(3) not null, "valid_until" timestamptz(3) null, "expires_at" timestamptz(3) null, "supersedes_id" uuid null, "lineage_id" uuid not null, "usage_count" int not null default 0, "helpful_count" int not null default 0, "last_used_at" timestamptz(3) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "memory_agent_index" on "knowledge"."memory" ("tenant_id", "agent_id", "id") where agent_id is not null;`);
    this.addSql(`create index "memory_user_index" on "knowledge"."memory" ("tenant_id", "user_id", "id") where user_id is not null;`);
    this.addSql(`create index "memory_domain_index" on "knowledge"."memory" ("tenant_id", "domain", "id");`);
    this.addSql(`create index "memory_knowledge_type_index" on "knowledge"."memory" ("tenant_id", "knowledge_type", "id");`);
    this.addSql(`create index "memory_lineage_index" on "knowledge"."memory" ("tenant_id", "lineage_id", "id");`);
    this.addSql(`create unique index "memory_successor_unique" on "knowledge"."memory" ("tenant_id", "supersedes_id") where supersedes_id is not null;`);

    this.addSql(`create table "knowledge"."chunk" ("tenant_id" uuid not null, "id" uuid not null, "document_id" uuid null, "memory_id" uuid null, "position" int not null, "heading" text not null, "content" text not null, "start_offset" int not null, "end_offset" int not null, "token_count" int not null, "words" tsvector generated always as (setweight(to_tsvector('knowledge.prose'::regconfig, heading), 'A') || to_tsvector('knowledge.prose'::regconfig, content)) stored null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "chunk_document_index" on "knowledge"."chunk" ("tenant_id", "document_id", "position") where document_id is not null;`);
    this.addSql(`create index "chunk_memory_index" on "knowledge"."chunk" ("tenant_id", "memory_id", "position") where memory_id is not null;`);
    this.addSql(`create index "chunk_words_index" on "knowledge"."chunk" using gin ("tenant_id", "words");`);
    this.addSql(`create index "chunk_content_index" on "knowledge"."chunk" using gin ("tenant_id", "content" gin_trgm_ops);`);

    this.addSql(`create table "knowledge"."pending_embedding" ("tenant_id" uuid not null, "model_id" uuid not null, "chunk_id" uuid not null, "attempts" int not null, primary key ("tenant_id", "model_id", "chunk_id"));`);
    this.addSql(`create index "pending_embedding_next_index" on "knowledge"."pending_embedding" ("tenant_id", "model_id", "attempts", "chunk_id");`);
    this.addSql(`create index "pending_embedding_chunk_index" on "knowledge"."pending_embedding" ("tenant_id", "chunk_id");`);

    this.addSql(`create table "knowledge"."embedding" ("tenant_id" uuid not null, "chunk_id" uuid not null, "model_id" uuid not null, "dimensions" int not null, "embedding" halfvec not null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "chunk_id", "model_id"));`);
    // Vectors stay in the row, where comparing all of a few thousand takes half the time of fetching them from beside it.
    this.addSql(`alter table "knowledge"."embedding" alter column "embedding" set storage plain;`);
    this.addSql(`create index "embedding_model_index" on "knowledge"."embedding" ("tenant_id", "model_id", "chunk_id");`);
    this.addSql(`create index "embedding_1536_index" on "knowledge"."embedding" using hnsw (("embedding"::halfvec(1536)) halfvec_cosine_ops) where dimensions = 1536;`);

    this.addSql(`alter table "knowledge"."embedding_model" add constraint "embedding_model_name_check" check (length(name) between 1 and 200);`);
    this.addSql(`alter table "knowledge"."embedding_model" add constraint "embedding_model_dimensions_check" check (dimensions between 1 and 4000);`);
    this.addSql(`alter table "knowledge"."embedding_model" add constraint "embedding_model_provider_check" check (provider in ('lexical', 'http', 'caller'));`);
    this.addSql(`alter table "knowledge"."embedding_model" add constraint "embedding_model_last_error_check" check (length(last_error) <= 1000);`);
    this.addSql(`alter table "knowledge"."embedding_model" enable row level security;`);
    this.addSql(`alter table "knowledge"."embedding_model" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "knowledge"."embedding_model" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "knowledge"."embedding_model" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "knowledge"."embedding_model" for select to "hive_search" using (true);`);

    this.addSql(`alter table "knowledge"."document" add constraint "document_name_check" check (length(name) between 1 and 500);`);
    this.addSql(`alter table "knowledge"."document" add constraint "document_title_check" check (length(title) between 1 and 500);`);
    this.addSql(`alter table "knowledge"."document" add constraint "document_category_check" check (length(category) between 1 and 100);`);
    this.addSql(`alter table "knowledge"."document" add constraint "document_format_check" check (format in ('markdown', 'text', 'json', 'code'));`);
    this.addSql(`alter table "knowledge"."document" add constraint "document_tags_check" check (jsonb_typeof(tags) = 'array');`);
    this.addSql(`alter table "knowledge"."document" add constraint "document_document_metadata_check" check (jsonb_typeof(document_metadata) = 'object');`);
    this.addSql(`alter table "knowledge"."document" add constraint "document_current_version_check" check (current_version >= 1);`);
    this.addSql(`alter table "knowledge"."document" add constraint "document_usage_check" check (helpful_count >= 0 and helpful_count <= usage_count and (usage_count = 0) = (last_used_at is null));`);
    this.addSql(`alter table "knowledge"."document" enable row level security;`);
    this.addSql(`alter table "knowledge"."document" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "knowledge"."document" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "knowledge"."document" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "knowledge"."document" for select to "hive_search" using (true);`);

    this.addSql(`alter table "knowledge"."document_version" add constraint "document_version_tenant_id_document_id_foreign" foreign key ("tenant_id", "document_id") references "knowledge"."document" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "knowledge"."document_version" add constraint "document_version_number_check" check (number >= 1);`);
    this.addSql(`alter table "knowledge"."document_version" add constraint "document_version_digest_check" check (digest ~ '^[0-9a-f]{64}\$');`);
    this.addSql(`alter table "knowledge"."document_version" add constraint "document_version_size_bytes_check" check (size_bytes >= 1 and token_count >= 0);`);
    this.addSql(`alter table "knowledge"."document_version" add constraint "document_version_summary_check" check (length(summary) <= 2000);`);
    this.addSql(`alter table "knowledge"."document_version" add constraint "document_version_restored_from_check" check (restored_from between 1 and number - 1);`);
    this.addSql(`alter table "knowledge"."document_version" enable row level security;`);
    this.addSql(`alter table "knowledge"."document_version" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "knowledge"."document_version" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "knowledge"."document_version" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "knowledge"."document_version" for select to "hive_search" using (true);`);

    this.addSql(`alter table "knowledge"."gap" add constraint "gap_digest_check" check (digest ~ '^[0-9a-f]{64}\$');`);
    this.addSql(`alter table "knowledge"."gap" add constraint "gap_query_check" check (length(query) between 1 and 2000);`);
    this.addSql(`alter table "knowledge"."gap" add constraint "gap_asked_count_check" check (asked_count >= 1);`);
    this.addSql(`alter table "knowledge"."gap" enable row level security;`);
    this.addSql(`alter table "knowledge"."gap" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "knowledge"."gap" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "knowledge"."gap" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "knowledge"."gap" for select to "hive_search" using (true);`);

    this.addSql(`alter table "knowledge"."usage" add constraint "usage_item_kind_check" check (item_kind in ('document', 'memory'));`);
    this.addSql(`alter table "knowledge"."usage" enable row level security;`);
    this.addSql(`alter table "knowledge"."usage" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "knowledge"."usage" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "knowledge"."usage" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "knowledge"."usage" for select to "hive_search" using (true);`);

    this.addSql(`alter table "knowledge"."memory" add constraint "memory_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "knowledge"."memory" add constraint "memory_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "identity"."user" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "knowledge"."memory" add constraint "memory_name_check" check (length(name) between 1 and 200);`);
    this.addSql(`alter table "knowledge"."memory" add constraint "memory_knowledge_type_check" check (knowledge_type in ('pattern', 'solution', 'preference', 'constraint', 'example', 'fact'));`);
    this.addSql(`alter table "knowledge"."memory" add constraint "memory_domain_check" check (length(domain) between 1 and 100);`);
    this.addSql(`alter table "knowledge"."memory" add constraint "memory_content_check" check (jsonb_typeof(content) = 'string' or jsonb_typeof(content) = 'object');`);
    this.addSql(`alter table "knowledge"."memory" add constraint "memory_read_mode_check" check (read_mode in ('system_prompt', 'tool_call'));`);
    this.addSql(`alter table "knowledge"."memory" add constraint "memory_access_check" check (access in ('read', 'write'));`);
    this.addSql(`alter table "knowledge"."memory" add constraint "memory_validity_check" check (valid_until >= valid_from);`);
    this.addSql(`alter table "knowledge"."memory" add constraint "memory_expires_at_check" check (expires_at > valid_from);`);
    this.addSql(`alter table "knowledge"."memory" add constraint "memory_usage_check" check (helpful_count >= 0 and helpful_count <= usage_count and (usage_count = 0) = (last_used_at is null));`);
    this.addSql(`alter table "knowledge"."memory" enable row level security;`);
    this.addSql(`alter table "knowledge"."memory" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "knowledge"."memory" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "knowledge"."memory" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "knowledge"."memory" for select to "hive_search" using (true);`);

    this.addSql(`alter table "knowledge"."chunk" add constraint "chunk_tenant_id_document_id_foreign" foreign key ("tenant_id", "document_id") references "knowledge"."document" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "knowledge"."chunk" add constraint "chunk_tenant_id_memory_id_foreign" foreign key ("tenant_id", "memory_id") references "knowledge"."memory" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "knowledge"."chunk" add constraint "chunk_owner_check" check (num_nonnulls(document_id, memory_id) = 1);`);
    this.addSql(`alter table "knowledge"."chunk" add constraint "chunk_place_check" check (position >= 0 and start_offset >= 0 and end_offset > start_offset and token_count >= 0);`);
    this.addSql(`alter table "knowledge"."chunk" enable row level security;`);
    this.addSql(`alter table "knowledge"."chunk" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "knowledge"."chunk" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "knowledge"."chunk" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "knowledge"."chunk" for select to "hive_search" using (true);`);

    this.addSql(`alter table "knowledge"."pending_embedding" add constraint "pending_embedding_tenant_id_model_id_foreign" foreign key ("tenant_id", "model_id") references "knowledge"."embedding_model" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "knowledge"."pending_embedding" add constraint "pending_embedding_tenant_id_chunk_id_foreign" foreign key ("tenant_id", "chunk_id") references "knowledge"."chunk" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "knowledge"."pending_embedding" add constraint "pending_embedding_attempts_check" check (attempts >= 0);`);
    this.addSql(`alter table "knowledge"."pending_embedding" enable row level security;`);
    this.addSql(`alter table "knowledge"."pending_embedding" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "knowledge"."pending_embedding" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "knowledge"."pending_embedding" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "knowledge"."pending_embedding" for select to "hive_search" using (true);`);

    this.addSql(`alter table "knowledge"."embedding" add constraint "embedding_tenant_id_chunk_id_foreign" foreign key ("tenant_id", "chunk_id") references "knowledge"."chunk" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "knowledge"."embedding" add constraint "embedding_tenant_id_model_id_foreign" foreign key ("tenant_id", "model_id") references "knowledge"."embedding_model" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "knowledge"."embedding" add constraint "embedding_dimensions_check" check (dimensions between 1 and 4000);`);
    this.addSql(`alter table "knowledge"."embedding" enable row level security;`);
    this.addSql(`alter table "knowledge"."embedding" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "knowledge"."embedding" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "knowledge"."embedding" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "knowledge"."embedding" for select to "hive_search" using (true);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "knowledge"."embedding_model" cascade;`);
    this.addSql(`drop table if exists "knowledge"."document" cascade;`);
    this.addSql(`drop table if exists "knowledge"."document_version" cascade;`);
    this.addSql(`drop table if exists "knowledge"."gap" cascade;`);
    this.addSql(`drop table if exists "knowledge"."usage" cascade;`);
    this.addSql(`drop table if exists "knowledge"."memory" cascade;`);
    this.addSql(`drop table if exists "knowledge"."chunk" cascade;`);
    this.addSql(`drop table if exists "knowledge"."pending_embedding" cascade;`);
    this.addSql(`drop table if exists "knowledge"."embedding" cascade;`);
    this.addSql(`drop text search configuration knowledge.prose;`);
  }
}
