import { Migration } from '@mikro-orm/migrations';

export class Migration20261123060059_kernel_tables extends Migration {

  override name = 'Migration20261123060059_kernel_tables';

  override up(): void | Promise<void> {
    this.addSql(`create table "kernel"."idempotency_key" ("tenant_id" uuid not null, "principal" text not null, "route" text not null, "key" text not null, "request_hash" text not null, "status" int null, "response" json null, "created_at" timestamptz(3) not null, "expires_at" timestamptz(3) not null, primary key ("tenant_id", "principal", "route", "key"));`);
    this.addSql(`create index "idempotency_key_expires_at_index" on "kernel"."idempotency_key" ("tenant_id", "expires_at");`);

    this.addSql(`create table "kernel"."lease" ("name" text not null, "holder" text not null, "token" bigint not null, "expires_at" timestamptz(3) not null, primary key ("name"));`);

    this.addSql(`create table "kernel"."schema_version" ("id" uuid not null, "domain" text not null, "migration" text not null, "direction" text not null, "checksum" text not null, "applied_by" text not null, "duration_ms" int not null, "applied_at" timestamptz(3) not null, primary key ("id"));`);

    this.addSql(`alter table "kernel"."idempotency_key" add constraint "idempotency_key_key_check" check (length(key) between 1 and 200);`);
    this.addSql(`alter table "kernel"."idempotency_key" add constraint "idempotency_key_status_check" check (status between 200 and 299);`);
    this.addSql(`alter table "kernel"."idempotency_key" add constraint "idempotency_key_response_check" check (json_typeof(response) = 'object');`);
    this.addSql(`alter table "kernel"."idempotency_key" enable row level security;`);
    this.addSql(`alter table "kernel"."idempotency_key" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "kernel"."idempotency_key" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "kernel"."idempotency_key" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "kernel"."idempotency_key" for select to "hive_search" using (true);`);

    this.addSql(`alter table "kernel"."schema_version" add constraint "schema_version_direction_check" check (direction in ('up', 'down'));`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "kernel"."idempotency_key" cascade;`);
    this.addSql(`drop table if exists "kernel"."lease" cascade;`);
    this.addSql(`drop table if exists "kernel"."schema_version" cascade;`);

  }

}
