import { Migration } from '@mikro-orm/migrations';

export class Migration20261124225000_event_triggers extends Migration {

  override name = 'Migration20261124225000_event_triggers';

  override up(): void | Promise<void> {
    this.addSql(`set local lock_timeout = '5s';`);
    this.addSql(`create table "tasks"."event_trigger" ("tenant_id" uuid not null, "id" uuid not null, "name" text not null, "process_id" uuid not null, "actions" jsonb not null, "filter" jsonb not null, "parameters" jsonb not null, "max_per_minute" int not null, "is_enabled" boolean not null, "sequence" bigint not null, "last_fired_at" timestamptz(3) null, "last_error" text null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "event_trigger_sequence_index" on "tasks"."event_trigger" ("tenant_id", "sequence") where is_enabled;`);
    this.addSql(`create index "event_trigger_process_index" on "tasks"."event_trigger" ("tenant_id", "process_id");`);
    this.addSql(`alter table "tasks"."event_trigger" add constraint "event_trigger_name_unique" unique ("tenant_id", "name");`);

    this.addSql(`alter table "tasks"."process_run" drop constraint "process_run_trigger_check";`);
    this.addSql(`alter table "tasks"."process_run" add "event_trigger_id" uuid null, add "lineage" jsonb not null default '[]';`);
    this.addSql(`create index "process_run_event_trigger_index" on "tasks"."process_run" ("tenant_id", "event_trigger_id", "id") where event_trigger_id is not null;`);
    this.addSql(`alter table "tasks"."process_run" add constraint "process_run_lineage_check" check (jsonb_typeof(lineage) = 'array') not valid;`);
    this.addSql(`alter table "tasks"."process_run" validate constraint "process_run_lineage_check";`);
    this.addSql(`alter table "tasks"."process_run" add constraint "process_run_trigger_check" check (trigger in ('manual', 'schedule', 'event')) not valid;`);
    this.addSql(`alter table "tasks"."process_run" validate constraint "process_run_trigger_check";`);

    this.addSql(`alter table "tasks"."event_trigger" add constraint "event_trigger_tenant_id_process_id_foreign" foreign key ("tenant_id", "process_id") references "tasks"."process" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "tasks"."event_trigger" add constraint "event_trigger_name_check" check (length(name) between 1 and 200);`);
    this.addSql(`alter table "tasks"."event_trigger" add constraint "event_trigger_json_check" check (jsonb_typeof(actions) = 'array' and jsonb_typeof(filter) = 'object' and jsonb_typeof(parameters) = 'object');`);
    this.addSql(`alter table "tasks"."event_trigger" add constraint "event_trigger_max_per_minute_check" check (max_per_minute between 1 and 1000);`);
    this.addSql(`alter table "tasks"."event_trigger" add constraint "event_trigger_sequence_check" check (sequence >= 0);`);
    this.addSql(`alter table "tasks"."event_trigger" enable row level security;`);
    this.addSql(`alter table "tasks"."event_trigger" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."event_trigger" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."event_trigger" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."event_trigger" for select to "hive_search" using (true);`);
  }

  override down(): void | Promise<void> {
    // Fails, and changes nothing, while there are runs that events have started: nobody else can say what started those.
    this.addSql(`drop table if exists "tasks"."event_trigger" cascade;`);

    this.addSql(`drop index "tasks"."process_run_event_trigger_index";`);
    this.addSql(`alter table "tasks"."process_run" drop constraint "process_run_lineage_check";`);
    this.addSql(`alter table "tasks"."process_run" drop constraint "process_run_trigger_check";`);
    this.addSql(`alter table "tasks"."process_run" drop column "event_trigger_id", drop column "lineage";`);
    this.addSql(`alter table "tasks"."process_run" add constraint "process_run_trigger_check" check (trigger in ('manual', 'schedule'));`);
  }

}
