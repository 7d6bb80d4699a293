import { Migration } from '@mikro-orm/migrations';

export class Migration20261124223000_retention extends Migration {

  override name = 'Migration20261124223000_retention';

  override up(): void | Promise<void> {
    this.addSql(`create table "audit"."archive" ("tenant_id" uuid not null, "id" uuid not null, "run_id" uuid not null, "store_table" text not null, "retention_class" text not null, "first_id" uuid not null, "last_id" uuid not null, "row_count" int not null, "sequences" int8multirange null, "digest" text not null, "size_bytes" int not null, "location" text null, "data_key_ids" jsonb not null, "checkpoint_size" bigint null, "created_at" timestamptz(3) not null, "expires_at" timestamptz(3) null, "expired_at" timestamptz(3) null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "archive_store_index" on "audit"."archive" ("tenant_id", "store_table", "id");`);
    this.addSql(`create index "archive_expiry_index" on "audit"."archive" ("tenant_id", "expires_at") where location is not null and expires_at is not null;`);

    this.addSql(`create table "audit"."erasure" ("tenant_id" uuid not null, "id" uuid not null, "subject_type" text not null, "subject_id" uuid not null, "reason" text null, "requested_by_name" text not null, "erased_at" timestamptz(3) not null, "sequences" int8multirange not null, "stores" jsonb not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "erasure_subject_index" on "audit"."erasure" ("tenant_id", "subject_id", "id");`);

    this.addSql(`create table "audit"."legal_hold" ("tenant_id" uuid not null, "id" uuid not null, "subject_type" text not null, "subject_id" uuid not null, "reason" text not null, "until" timestamptz(3) null, "placed_by_name" text not null, "placed_at" timestamptz(3) not null, "released_at" timestamptz(3) null, "released_by_name" text null, "release_reason" text null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "legal_hold_subject_index" on "audit"."legal_hold" ("tenant_id", "subject_type", "subject_id") where released_at is null;`);

    this.addSql(`create table "audit"."retention_lock" ("tenant_id" uuid not null, primary key ("tenant_id"));`);

    this.addSql(`create table "audit"."retention_policy" ("tenant_id" uuid not null, "retention_class" text not null, "hot_days" int not null, "total_days" int null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "retention_class"));`);

    this.addSql(`create table "audit"."retention_run" ("tenant_id" uuid not null, "id" uuid not null, "is_dry_run" boolean not null, "state" text not null, "started_at" timestamptz(3) not null, "finished_at" timestamptz(3) null, "lease_expires_at" timestamptz(3) not null, "stores" jsonb not null, "expired_archives" int not null, "error" text null, primary key ("tenant_id", "id"));`);
    this.addSql(`create unique index "retention_run_active_unique" on "audit"."retention_run" ("tenant_id") where state = 'running' and not is_dry_run;`);

    this.addSql(`alter table "audit"."archive" add constraint "archive_retention_class_check" check (retention_class in ('conversation', 'mail', 'notification', 'decision', 'interaction', 'work', 'knowledge_usage', 'audit'));`);
    this.addSql(`alter table "audit"."archive" add constraint "archive_range_check" check (first_id <= last_id and row_count >= 0 and size_bytes >= 0);`);
    this.addSql(`alter table "audit"."archive" add constraint "archive_digest_check" check (digest ~ '^[0-9a-f]{64}\$');`);
    this.addSql(`alter table "audit"."archive" add constraint "archive_expired_check" check (expired_at is null or location is null);`);
    this.addSql(`alter table "audit"."archive" add constraint "archive_data_key_ids_check" check (jsonb_typeof(data_key_ids) = 'array');`);
    this.addSql(`alter table "audit"."archive" enable row level security;`);
    this.addSql(`alter table "audit"."archive" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."archive" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."archive" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."archive" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."erasure" add constraint "erasure_subject_type_check" check (subject_type in ('user', 'agent'));`);
    this.addSql(`alter table "audit"."erasure" add constraint "erasure_reason_check" check (length(reason) between 1 and 2000);`);
    this.addSql(`alter table "audit"."erasure" add constraint "erasure_stores_check" check (jsonb_typeof(stores) = 'array');`);
    this.addSql(`alter table "audit"."erasure" enable row level security;`);
    this.addSql(`alter table "audit"."erasure" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."erasure" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."erasure" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."erasure" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."legal_hold" add constraint "legal_hold_subject_type_check" check (subject_type in ('agent', 'user', 'session', 'tenant'));`);
    this.addSql(`alter table "audit"."legal_hold" add constraint "legal_hold_reason_check" check (length(reason) between 1 and 2000 and length(release_reason) between 1 and 2000);`);
    this.addSql(`alter table "audit"."legal_hold" add constraint "legal_hold_until_check" check (until > placed_at);`);
    this.addSql(`alter table "audit"."legal_hold" add constraint "legal_hold_released_check" check ((released_at is null) = (release_reason is null) and (released_at is null) = (released_by_name is null));`);
    this.addSql(`alter table "audit"."legal_hold" enable row level security;`);
    this.addSql(`alter table "audit"."legal_hold" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."legal_hold" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."legal_hold" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."legal_hold" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."retention_lock" enable row level security;`);
    this.addSql(`alter table "audit"."retention_lock" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."retention_lock" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."retention_lock" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."retention_lock" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."retention_policy" add constraint "retention_policy_retention_class_check" check (retention_class in ('conversation', 'mail', 'notification', 'decision', 'interaction', 'work', 'knowledge_usage', 'audit'));`);
    this.addSql(`alter table "audit"."retention_policy" add constraint "retention_policy_hot_days_check" check (hot_days between 1 and 36500 and (retention_class <> 'audit' or hot_days >= 365));`);
    this.addSql(`alter table "audit"."retention_policy" add constraint "retention_policy_total_days_check" check (total_days between hot_days and 36500);`);
    this.addSql(`alter table "audit"."retention_policy" enable row level security;`);
    this.addSql(`alter table "audit"."retention_policy" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."retention_policy" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."retention_policy" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."retention_policy" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."retention_run" add constraint "retention_run_state_check" check (state in ('running', 'completed', 'failed', 'abandoned'));`);
    this.addSql(`alter table "audit"."retention_run" add constraint "retention_run_finished_at_check" check ((finished_at is null) = (state = 'running'));`);
    this.addSql(`alter table "audit"."retention_run" add constraint "retention_run_error_check" check ((error is not null) = (state = 'failed' or state = 'abandoned'));`);
    this.addSql(`alter table "audit"."retention_run" add constraint "retention_run_expired_archives_check" check (expired_archives >= 0);`);
    this.addSql(`alter table "audit"."retention_run" add constraint "retention_run_stores_check" check (jsonb_typeof(stores) = 'array');`);
    this.addSql(`alter table "audit"."retention_run" enable row level security;`);
    this.addSql(`alter table "audit"."retention_run" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."retention_run" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."retention_run" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."retention_run" for select to "hive_search" using (true);`);

    // Proofs stay: of an archive only where its file is may change, of a receipt only who asked for it, once that person is erased. A hold is released, never taken out.
    this.addSql(`revoke update, delete, truncate on "audit"."archive", "audit"."erasure" from hive_app, hive_ops;`);
    this.addSql(`revoke delete, truncate on "audit"."legal_hold" from hive_app, hive_ops;`);
    this.addSql(`grant update ("digest", "size_bytes", "row_count", "location", "expires_at", "expired_at") on "audit"."archive" to hive_app;`);

    this.addSql(`grant update ("requested_by_name") on "audit"."erasure" to hive_app;`);

    // The only ways by which entries go or lose their payload. They run as the owner, whom row level security binds to the tenant.
    this.addSql(`
      create function audit.remove_entries(proof uuid, ids uuid[]) returns integer language plpgsql security definer set search_path = pg_catalog as $$
      declare
        tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
        removed integer;
      begin
        delete from audit.entry e using audit.archive a
         where a.tenant_id = tenant and a.id = proof and a.store_table = 'audit.entry' and a.row_count = cardinality(ids)
           and e.tenant_id = tenant and e.id = any (ids) and e.id between a.first_id and a.last_id
           and e.id < kernel.id_floor(now() - interval '365 days')
           and exists (select from audit.leaf l where l.tenant_id = tenant and l.entry_id = e.id and a.sequences @> l.sequence);
        get diagnostics removed = row_count;
        return removed;
      end $$;`);
    this.addSql(`
      create function audit.erase_entries(receipt uuid, ids uuid[]) returns integer language plpgsql security definer set search_path = pg_catalog as $$
      declare
        tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
        erased integer;
      begin
        if not exists (select from audit.erasure r where r.tenant_id = tenant and r.id = receipt
                        and r.sequences = coalesce((select range_agg(int8range(l.sequence, l.sequence, '[]')) from audit.leaf l where l.tenant_id = tenant and l.entry_id = any (ids)), '{}')) then
          raise exception 'erasure % has no receipt for these entries', receipt;
        end if;
        update audit.leaf l set salt = null where l.tenant_id = tenant and l.entry_id = any (ids);
        update audit.entry e set actor_id = null, actor_name = 'erased', agent_id = null, session_id = null, previous_state = null, new_state = null, details = null,
               request_id = null, ip = null, user_agent = null
         where e.tenant_id = tenant and e.id = any (ids);
        get diagnostics erased = row_count;
        return erased;
      end $$;`);
    for (const definer of ['audit.remove_entries(uuid, uuid[])', 'audit.erase_entries(uuid, uuid[])']) {
      this.addSql(`revoke all on function ${definer} from public;`);
      this.addSql(`grant execute on function ${definer} to hive_app;`);
    }
  }

  override down(): void | Promise<void> {
    this.addSql(`drop function audit.remove_entries(uuid, uuid[]);`);
    this.addSql(`drop function audit.erase_entries(uuid, uuid[]);`);
    this.addSql(`drop table if exists "audit"."archive" cascade;`);
    this.addSql(`drop table if exists "audit"."erasure" cascade;`);
    this.addSql(`drop table if exists "audit"."legal_hold" cascade;`);
    this.addSql(`drop table if exists "audit"."retention_lock" cascade;`);
    this.addSql(`drop table if exists "audit"."retention_policy" cascade;`);
    this.addSql(`drop table if exists "audit"."retention_run" cascade;`);
  }

}
