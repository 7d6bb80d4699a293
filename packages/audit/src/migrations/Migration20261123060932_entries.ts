import { Migration } from '@mikro-orm/migrations';

export class Migration20261123060932_entries extends Migration {

  override name = 'Migration20261123060932_entries';

  override up(): void | Promise<void> {
    this.addSql(`create table "audit"."entry" ("tenant_id" uuid not null, "id" uuid not null, "occurred_at" timestamptz(3) not null, "actor_type" text not null, "actor_id" uuid null, "actor_name" text not null, "action" text not null, "subject_type" text not null, "subject_id" text not null, "agent_id" uuid null, "session_id" uuid null, "risk" text null, "previous_state" jsonb null, "new_state" jsonb null, "details" jsonb null, "request_id" text null, "ip" inet null, "user_agent" text null, primary key ("tenant_id", "id")) partition by range ("id");`);
    this.addSql(`create index "entry_subject_index" on "audit"."entry" ("tenant_id", "subject_type", "subject_id", "id");`);
    this.addSql(`create index "entry_actor_index" on "audit"."entry" ("tenant_id", "actor_id", "id") where actor_id is not null;`);
    this.addSql(`create index "entry_agent_index" on "audit"."entry" ("tenant_id", "agent_id", "id") where agent_id is not null;`);
    this.addSql(`create index "entry_session_index" on "audit"."entry" ("tenant_id", "session_id", "id") where session_id is not null;`);
    this.addSql(`create index "entry_action_index" on "audit"."entry" ("tenant_id", "action", "id");`);
    this.addSql(`create index "entry_risk_index" on "audit"."entry" ("tenant_id", "risk", "id") where risk is not null;`);
    this.addSql(`create table "audit"."entry_default" partition of "audit"."entry" default;`);

    this.addSql(`alter table "audit"."entry" add constraint "entry_actor_type_check" check (actor_type in ('user', 'agent', 'service'));`);
    this.addSql(`alter table "audit"."entry" add constraint "entry_risk_check" check (risk in ('low', 'medium', 'high', 'critical'));`);
    this.addSql(`alter table "audit"."entry" add constraint "entry_action_check" check (length(action) between 1 and 100);`);
    this.addSql(`alter table "audit"."entry" add constraint "entry_subject_type_check" check (length(subject_type) between 1 and 50);`);
    this.addSql(`alter table "audit"."entry" add constraint "entry_previous_state_check" check (jsonb_typeof(previous_state) = 'object');`);
    this.addSql(`alter table "audit"."entry" add constraint "entry_new_state_check" check (jsonb_typeof(new_state) = 'object');`);
    this.addSql(`alter table "audit"."entry" add constraint "entry_details_check" check (jsonb_typeof(details) = 'object');`);
    this.addSql(`alter table "audit"."entry" enable row level security;`);
    this.addSql(`alter table "audit"."entry" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."entry" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."entry" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."entry" for select to "hive_search" using (true);`);

    // The default partition only served to declare the table: with one, an ordered read merges all months.
    this.addSql(`drop table "audit"."entry_default";`);
    this.addSql(`select kernel.ensure_months('audit.entry', now(), 3);`);
    this.addSql(`revoke update, delete, truncate on "audit"."entry" from hive_app, hive_ops;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "audit"."entry" cascade;`);

  }

}
