import { Migration } from '@mikro-orm/migrations';

export class Migration20261123061656_identity_tables extends Migration {

  override name = 'Migration20261123061656_identity_tables';

  override up(): void | Promise<void> {
    this.addSql(`create table "identity"."api_key" ("tenant_id" uuid not null, "id" uuid not null, "name" text not null, "secret_hash" text not null, "scopes" jsonb not null, "role" text null, "agent_id" uuid null, "user_id" uuid null, "expires_at" timestamptz(3) null, "revoked_at" timestamptz(3) null, "last_used_at" timestamptz(3) null, "rotated_from_id" uuid null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`comment on column "identity"."api_key"."secret_hash" is 'sensitive: the record keeps a digest only';`);
    this.addSql(`create index "api_key_agent_index" on "identity"."api_key" ("tenant_id", "agent_id") where agent_id is not null;`);

    this.addSql(`create table "identity"."oidc_issuer" ("id" uuid not null, "issuer" text not null, "audience" text not null, "jwks_uri" text not null, "tenant_claim" text not null, "scopes_claim" text not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, primary key ("id"));`);
    this.addSql(`alter table "identity"."oidc_issuer" add constraint "oidc_issuer_issuer_unique" unique ("issuer");`);

    this.addSql(`create table "identity"."project" ("tenant_id" uuid not null, "id" uuid not null, "name" text not null, "description" jsonb null, "state" text not null, "project_metadata" jsonb not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "project_state_name_index" on "identity"."project" ("tenant_id", "state", "id");`);

    this.addSql(`create table "identity"."project_state" ("tenant_id" uuid not null, "id" uuid not null, "project_id" uuid not null, "state" text not null, "reason" text null, "transitioned_by" uuid null, "transitioned_at" timestamptz(3) not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "project_state_project_index" on "identity"."project_state" ("tenant_id", "project_id", "id");`);

    this.addSql(`create table "identity"."role" ("tenant_id" uuid not null, "name" text not null, "description" text null, "scopes" jsonb not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "name"));`);

    this.addSql(`create table "identity"."tenant" ("id" uuid not null, "slug" text not null, "name" text not null, "state" text not null, "suspension_reason" text null, "suspended_at" timestamptz(3) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("id"));`);
    this.addSql(`alter table "identity"."tenant" add constraint "tenant_slug_unique" unique ("slug");`);

    this.addSql(`create table "identity"."user" ("tenant_id" uuid not null, "id" uuid not null, "email" text not null, "name" text null, "phone_number" text null, "role" text null, "user_data" jsonb not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`create unique index "user_email_unique" on "identity"."user" ("tenant_id", lower("email"));`);

    this.addSql(`create table "identity"."preference" ("tenant_id" uuid not null, "user_id" uuid not null, "category" text not null, "preferences" jsonb not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "user_id", "category"));`);
    this.addSql(`create index "preference_preferences_index" on "identity"."preference" using gin ("tenant_id", "preferences" jsonb_path_ops);`);

    this.addSql(`alter table "identity"."api_key" add constraint "api_key_name_check" check (length(name) between 1 and 100);`);
    this.addSql(`alter table "identity"."api_key" add constraint "api_key_secret_hash_check" check (secret_hash ~ '^[0-9a-f]{64}\$');`);
    this.addSql(`alter table "identity"."api_key" add constraint "api_key_scopes_check" check (jsonb_typeof(scopes) = 'array');`);
    this.addSql(`alter table "identity"."api_key" add constraint "api_key_subject_check" check (agent_id is null or user_id is null);`);
    this.addSql(`alter table "identity"."api_key" enable row level security;`);
    this.addSql(`alter table "identity"."api_key" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "identity"."api_key" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "identity"."api_key" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "identity"."api_key" for select to "hive_search" using (true);`);

    this.addSql(`alter table "identity"."oidc_issuer" add constraint "oidc_issuer_issuer_check" check (issuer ~ '^https?://');`);
    this.addSql(`alter table "identity"."oidc_issuer" add constraint "oidc_issuer_jwks_uri_check" check (jwks_uri ~ '^https?://');`);

    this.addSql(`alter table "identity"."project" add constraint "project_name_check" check (length(name) between 1 and 200);`);
    this.addSql(`alter table "identity"."project" add constraint "project_state_check" check (state in ('planning', 'active', 'paused', 'completed', 'archived'));`);
    this.addSql(`alter table "identity"."project" add constraint "project_project_metadata_check" check (jsonb_typeof(project_metadata) = 'object');`);
    this.addSql(`alter table "identity"."project" enable row level security;`);
    this.addSql(`alter table "identity"."project" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "identity"."project" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "identity"."project" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "identity"."project" for select to "hive_search" using (true);`);

    this.addSql(`alter table "identity"."project_state" add constraint "project_state_tenant_id_project_id_foreign" foreign key ("tenant_id", "project_id") references "identity"."project" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "identity"."project_state" add constraint "project_state_state_check" check (state in ('planning', 'active', 'paused', 'completed', 'archived'));`);
    this.addSql(`alter table "identity"."project_state" add constraint "project_state_reason_check" check (length(reason) <= 2000);`);
    this.addSql(`alter table "identity"."project_state" enable row level security;`);
    this.addSql(`alter table "identity"."project_state" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "identity"."project_state" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "identity"."project_state" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "identity"."project_state" for select to "hive_search" using (true);`);

    this.addSql(`alter table "identity"."role" add constraint "role_name_check" check (name ~ '^[a-z][a-z0-9_-]{0,49}\$');`);
    this.addSql(`alter table "identity"."role" add constraint "role_scopes_check" check (jsonb_typeof(scopes) = 'array');`);
    this.addSql(`alter table "identity"."role" enable row level security;`);
    this.addSql(`alter table "identity"."role" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "identity"."role" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "identity"."role" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "identity"."role" for select to "hive_search" using (true);`);

    this.addSql(`alter table "identity"."tenant" add constraint "tenant_slug_check" check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}\$');`);
    this.addSql(`alter table "identity"."tenant" add constraint "tenant_name_check" check (length(name) between 1 and 200);`);
    this.addSql(`alter table "identity"."tenant" add constraint "tenant_state_check" check (state in ('active', 'suspended'));`);
    this.addSql(`alter table "identity"."tenant" add constraint "tenant_suspension_check" check ((state = 'suspended') = (suspended_at is not null));`);
    this.addSql(`alter table "identity"."tenant" enable row level security;`);
    this.addSql(`alter table "identity"."tenant" force row level security;`);
    this.addSql(`create policy "own_row" on "identity"."tenant" using (id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "identity"."tenant" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "identity"."tenant" for select to "hive_search" using (true);`);

    this.addSql(`alter table "identity"."user" add constraint "user_email_check" check (length(email) between 3 and 320 and position('@' in email) > 1);`);
    this.addSql(`alter table "identity"."user" add constraint "user_name_check" check (length(name) <= 200);`);
    this.addSql(`alter table "identity"."user" add constraint "user_phone_number_check" check (length(phone_number) <= 50);`);
    this.addSql(`alter table "identity"."user" add constraint "user_user_data_check" check (jsonb_typeof(user_data) = 'object');`);
    this.addSql(`alter table "identity"."user" enable row level security;`);
    this.addSql(`alter table "identity"."user" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "identity"."user" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "identity"."user" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "identity"."user" for select to "hive_search" using (true);`);

    this.addSql(`alter table "identity"."preference" add constraint "preference_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "identity"."user" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "identity"."preference" add constraint "preference_category_check" check (length(category) between 1 and 100);`);
    this.addSql(`alter table "identity"."preference" add constraint "preference_preferences_check" check (jsonb_typeof(preferences) = 'object');`);
    this.addSql(`alter table "identity"."preference" enable row level security;`);
    this.addSql(`alter table "identity"."preference" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "identity"."preference" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "identity"."preference" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "identity"."preference" for select to "hive_search" using (true);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "identity"."project_state" drop constraint "project_state_tenant_id_project_id_foreign";`);
    this.addSql(`alter table "identity"."preference" drop constraint "preference_tenant_id_user_id_foreign";`);

    this.addSql(`drop table if exists "identity"."api_key" cascade;`);
    this.addSql(`drop table if exists "identity"."oidc_issuer" cascade;`);
    this.addSql(`drop table if exists "identity"."project" cascade;`);
    this.addSql(`drop table if exists "identity"."project_state" cascade;`);
    this.addSql(`drop table if exists "identity"."role" cascade;`);
    this.addSql(`drop table if exists "identity"."tenant" cascade;`);
    this.addSql(`drop table if exists "identity"."user" cascade;`);
    this.addSql(`drop table if exists "identity"."preference" cascade;`);

  }

}
