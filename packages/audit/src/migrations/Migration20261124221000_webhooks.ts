import { Migration } from '@mikro-orm/migrations';

export class Migration20261124221000_webhooks extends Migration {

  override name = 'Migration20261124221000_webhooks';

  override up(): void | Promise<void> {
    this.addSql(`create table "audit"."webhook" ("tenant_id" uuid not null, "id" uuid not null, "url" text not null, "description" text null, "actions" jsonb not null, "is_active" boolean not null, "secret" text not null, "previous_secret" text null, "previous_secret_until" timestamptz(3) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`comment on column "audit"."webhook"."secret" is 'sensitive: the record keeps a digest only';`);
    this.addSql(`comment on column "audit"."webhook"."previous_secret" is 'sensitive: the record keeps a digest only';`);

    this.addSql(`create table "audit"."webhook_cursor" ("tenant_id" uuid not null, "webhook_id" uuid not null, "sequence" bigint not null, "failures" int not null, primary key ("tenant_id", "webhook_id"));`);

    this.addSql(`create table "audit"."webhook_delivery" ("tenant_id" uuid not null, "id" uuid not null, "webhook_id" uuid not null, "sequence" bigint not null, "action" text not null, "subject_type" text not null, "subject_id" text not null, "status" text not null, "attempt" int not null, "redrive_count" int not null, "next_attempt_at" timestamptz(3) null, "attempts" jsonb not null, "created_at" timestamptz(3) not null, "settled_at" timestamptz(3) null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "webhook_delivery_status_index" on "audit"."webhook_delivery" ("tenant_id", "webhook_id", "status", "sequence");`);
    this.addSql(`create index "webhook_delivery_due_index" on "audit"."webhook_delivery" ("tenant_id", "webhook_id", "next_attempt_at") where next_attempt_at is not null;`);
    this.addSql(`create index "webhook_delivery_subject_index" on "audit"."webhook_delivery" ("tenant_id", "webhook_id", "subject_type", "subject_id", "sequence") where status = 'pending';`);
    this.addSql(`create index "webhook_delivery_settled_index" on "audit"."webhook_delivery" ("tenant_id", "settled_at") where settled_at is not null;`);
    this.addSql(`alter table "audit"."webhook_delivery" add constraint "webhook_delivery_sequence_unique" unique ("tenant_id", "webhook_id", "sequence");`);

    this.addSql(`alter table "audit"."webhook" add constraint "webhook_url_check" check (length(url) between 1 and 2000);`);
    this.addSql(`alter table "audit"."webhook" add constraint "webhook_description_check" check (length(description) between 1 and 1000);`);
    this.addSql(`alter table "audit"."webhook" add constraint "webhook_actions_check" check (jsonb_typeof(actions) = 'array');`);
    this.addSql(`alter table "audit"."webhook" add constraint "webhook_secret_check" check (starts_with(secret, 'enc1.') and starts_with(previous_secret, 'enc1.'));`);
    this.addSql(`alter table "audit"."webhook" add constraint "webhook_previous_secret_check" check ((previous_secret is null) = (previous_secret_until is null));`);
    this.addSql(`alter table "audit"."webhook" enable row level security;`);
    this.addSql(`alter table "audit"."webhook" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."webhook" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."webhook" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."webhook" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."webhook_cursor" add constraint "webhook_cursor_tenant_id_webhook_id_foreign" foreign key ("tenant_id", "webhook_id") references "audit"."webhook" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "audit"."webhook_cursor" add constraint "webhook_cursor_sequence_check" check (sequence >= 0);`);
    this.addSql(`alter table "audit"."webhook_cursor" add constraint "webhook_cursor_failures_check" check (failures >= 0);`);
    this.addSql(`alter table "audit"."webhook_cursor" enable row level security;`);
    this.addSql(`alter table "audit"."webhook_cursor" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."webhook_cursor" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."webhook_cursor" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."webhook_cursor" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."webhook_delivery" add constraint "webhook_delivery_tenant_id_webhook_id_foreign" foreign key ("tenant_id", "webhook_id") references "audit"."webhook" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "audit"."webhook_delivery" add constraint "webhook_delivery_status_check" check (status in ('pending', 'delivered', 'dead'));`);
    this.addSql(`alter table "audit"."webhook_delivery" add constraint "webhook_delivery_sequence_check" check (sequence >= 1);`);
    this.addSql(`alter table "audit"."webhook_delivery" add constraint "webhook_delivery_counts_check" check (attempt >= 0 and redrive_count >= 0);`);
    this.addSql(`alter table "audit"."webhook_delivery" add constraint "webhook_delivery_attempts_check" check (jsonb_typeof(attempts) = 'array');`);
    this.addSql(`alter table "audit"."webhook_delivery" add constraint "webhook_delivery_settled_check" check ((status = 'pending') = (settled_at is null));`);
    this.addSql(`alter table "audit"."webhook_delivery" add constraint "webhook_delivery_next_check" check (next_attempt_at is null or status = 'pending');`);
    this.addSql(`alter table "audit"."webhook_delivery" enable row level security;`);
    this.addSql(`alter table "audit"."webhook_delivery" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."webhook_delivery" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."webhook_delivery" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."webhook_delivery" for select to "hive_search" using (true);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "audit"."webhook_delivery" cascade;`);
    this.addSql(`drop table if exists "audit"."webhook_cursor" cascade;`);
    this.addSql(`drop table if exists "audit"."webhook" cascade;`);
  }

}
