import { Migration } from '@mikro-orm/migrations';

export class Migration20261124220000_sealing extends Migration {

  override name = 'Migration20261124220000_sealing';

  override up(): void | Promise<void> {
    this.addSql(`create table "audit"."checkpoint" ("tenant_id" uuid not null, "size" bigint not null, "root" bytea not null, "previous" bytea null, "sealed_at" timestamptz(3) not null, "key_id" text not null, "signature" bytea not null, primary key ("tenant_id", "size"));`);

    this.addSql(`create table "audit"."leaf" ("tenant_id" uuid not null, "sequence" bigint not null, "entry_id" uuid not null, "occurred_at" timestamptz(3) not null, "action" text not null, "subject_type" text not null, "subject_id" text not null, "risk" text null, "salt" bytea null, "payload_hash" bytea not null, "leaf_hash" bytea not null, "sealed_at" timestamptz(3) not null, primary key ("tenant_id", "sequence"));`);
    this.addSql(`alter table "audit"."leaf" add constraint "leaf_entry_id_unique" unique ("tenant_id", "entry_id");`);

    this.addSql(`create table "audit"."node" ("tenant_id" uuid not null, "level" smallint not null, "node_index" bigint not null, "hash" bytea not null, primary key ("tenant_id", "level", "node_index"));`);

    this.addSql(`create table "audit"."signing_key" ("id" text not null, "public_key" bytea not null, "created_at" timestamptz(3) not null, "retired_at" timestamptz(3) null, primary key ("id"));`);
    this.addSql(`create unique index "signing_key_active_unique" on "audit"."signing_key" ((retired_at is null)) where retired_at is null;`);

    this.addSql(`alter table "audit"."checkpoint" add constraint "checkpoint_size_check" check (size >= 1);`);
    this.addSql(`alter table "audit"."checkpoint" add constraint "checkpoint_hashes_check" check (octet_length(root) = 32 and octet_length(previous) = 32);`);
    this.addSql(`alter table "audit"."checkpoint" add constraint "checkpoint_key_id_check" check (key_id ~ '^[0-9a-f]{16}\$');`);
    this.addSql(`alter table "audit"."checkpoint" add constraint "checkpoint_signature_check" check (octet_length(signature) = 64);`);
    this.addSql(`alter table "audit"."checkpoint" enable row level security;`);
    this.addSql(`alter table "audit"."checkpoint" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."checkpoint" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."checkpoint" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."checkpoint" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."leaf" add constraint "leaf_sequence_check" check (sequence >= 1);`);
    this.addSql(`alter table "audit"."leaf" add constraint "leaf_risk_check" check (risk in ('low', 'medium', 'high', 'critical'));`);
    this.addSql(`alter table "audit"."leaf" add constraint "leaf_salt_check" check (octet_length(salt) = 16);`);
    this.addSql(`alter table "audit"."leaf" add constraint "leaf_hashes_check" check (octet_length(payload_hash) = 32 and octet_length(leaf_hash) = 32);`);
    this.addSql(`alter table "audit"."leaf" enable row level security;`);
    this.addSql(`alter table "audit"."leaf" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."leaf" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."leaf" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."leaf" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."node" add constraint "node_level_check" check (level between 4 and 60 and level % 4 = 0);`);
    this.addSql(`alter table "audit"."node" add constraint "node_node_index_check" check (node_index >= 0);`);
    this.addSql(`alter table "audit"."node" add constraint "node_hash_check" check (octet_length(hash) = 32);`);
    this.addSql(`alter table "audit"."node" enable row level security;`);
    this.addSql(`alter table "audit"."node" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."node" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."node" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."node" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."signing_key" add constraint "signing_key_id_check" check (id = left(encode(sha256(public_key), 'hex'), 16));`);
    this.addSql(`alter table "audit"."signing_key" add constraint "signing_key_public_key_check" check (octet_length(public_key) = 32);`);
    this.addSql(`alter table "audit"."signing_key" add constraint "signing_key_retired_at_check" check (retired_at >= created_at);`);

    this.addSql(`revoke update, delete, truncate on "audit"."leaf", "audit"."node", "audit"."checkpoint", "audit"."signing_key" from hive_app, hive_ops;`);
    this.addSql(`grant update ("retired_at") on "audit"."signing_key" to hive_app;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "audit"."checkpoint" cascade;`);
    this.addSql(`drop table if exists "audit"."leaf" cascade;`);
    this.addSql(`drop table if exists "audit"."node" cascade;`);
    this.addSql(`drop table if exists "audit"."signing_key" cascade;`);
  }

}
