import { Migration } from '@mikro-orm/migrations';

export class Migration20261124222900_data_keys extends Migration {

  override name = 'Migration20261124222900_data_keys';

  override up(): void | Promise<void> {
    this.addSql(`create table "audit"."data_key" ("tenant_id" uuid not null, "id" uuid not null, "wrapped" text null, "wrapped_by" text not null, "created_at" timestamptz(3) not null, "retired_at" timestamptz(3) null, "destroyed_at" timestamptz(3) null, primary key ("tenant_id", "id"));`);
    this.addSql(`create unique index "data_key_active_unique" on "audit"."data_key" ("tenant_id") where retired_at is null;`);

    this.addSql(`alter table "audit"."data_key" add constraint "data_key_wrapped_by_check" check (wrapped_by ~ '^[0-9a-f]{16}\$');`);
    this.addSql(`alter table "audit"."data_key" add constraint "data_key_destroyed_check" check ((wrapped is null) = (destroyed_at is not null) and (destroyed_at is null or retired_at is not null));`);
    this.addSql(`alter table "audit"."data_key" enable row level security;`);
    this.addSql(`alter table "audit"."data_key" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."data_key" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."data_key" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."data_key" for select to "hive_search" using (true);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "audit"."data_key" cascade;`);
  }

}
