import { Migration } from '@mikro-orm/migrations';

export class Migration20261124190000_interactions extends Migration {

  override name = 'Migration20261124190000_interactions';

  override up(): void | Promise<void> {
    this.addSql(`create table "trust"."interaction" ("tenant_id" uuid not null, "id" uuid not null, "type" text not null, "status" text not null, "subject_type" text null, "subject_id" uuid null, "agent_id" uuid null, "session_id" uuid null, "content" jsonb not null, "options" jsonb null, "priority" smallint not null, "action" jsonb null, "action_digest" text null, "response" jsonb null, "responded_at" timestamptz(3) null, "responded_by_id" uuid null, "responded_by_name" text null, "used_at" timestamptz(3) null, "expires_at" timestamptz(3) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "interaction_status_index" on "trust"."interaction" ("tenant_id", "status", "id");`);
    this.addSql(`create index "interaction_type_index" on "trust"."interaction" ("tenant_id", "type", "id");`);
    this.addSql(`create index "interaction_urgency_index" on "trust"."interaction" ("tenant_id", "priority" desc, "id") where status = 'pending';`);
    this.addSql(`create index "interaction_expiry_index" on "trust"."interaction" ("tenant_id", "expires_at") where status = 'pending' and expires_at is not null;`);
    this.addSql(`create index "interaction_agent_index" on "trust"."interaction" ("tenant_id", "agent_id", "id") where agent_id is not null;`);
    this.addSql(`create index "interaction_session_index" on "trust"."interaction" ("tenant_id", "session_id", "id") where session_id is not null;`);
    this.addSql(`create index "interaction_subject_index" on "trust"."interaction" ("tenant_id", "subject_id", "id") where subject_id is not null;`);
    this.addSql(`create index "interaction_responded_by_index" on "trust"."interaction" ("tenant_id", "responded_by_id", "id") where responded_by_id is not null;`);

    this.addSql(`alter table "trust"."interaction" add constraint "interaction_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "trust"."interaction" add constraint "interaction_tenant_id_responded_by_id_foreign" foreign key ("tenant_id", "responded_by_id") references "identity"."user" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "trust"."interaction" add constraint "interaction_type_check" check (type in ('approval_request', 'feedback_request', 'clarification_request', 'notification', 'manual_intervention', 'decision_point'));`);
    this.addSql(`alter table "trust"."interaction" add constraint "interaction_status_check" check (status in ('pending', 'approved', 'rejected', 'answered', 'acknowledged', 'expired', 'cancelled'));`);
    this.addSql(`alter table "trust"."interaction" add constraint "interaction_subject_check" check ((subject_type is null) = (subject_id is null) and length(subject_type) between 1 and 100);`);
    this.addSql(`alter table "trust"."interaction" add constraint "interaction_priority_check" check (priority between 0 and 9);`);
    this.addSql(`alter table "trust"."interaction" add constraint "interaction_content_check" check (jsonb_typeof(content) = 'string' or jsonb_typeof(content) = 'object');`);
    this.addSql(`alter table "trust"."interaction" add constraint "interaction_json_check" check (jsonb_typeof(options) = 'array' and jsonb_typeof(response) <> 'null');`);
    this.addSql(`alter table "trust"."interaction" add constraint "interaction_action_check" check (jsonb_typeof(action) = 'object' and (action is null) = (action_digest is null) and (action is null or type = 'approval_request') and action_digest ~ '^[0-9a-f]{64}\$');`);
    this.addSql(`alter table "trust"."interaction" add constraint "interaction_response_check" check ((status = 'approved' or status = 'rejected' or status = 'answered' or status = 'acknowledged') = (responded_at is not null));`);
    this.addSql(`alter table "trust"."interaction" add constraint "interaction_approved_check" check (status <> 'approved' or type = 'approval_request');`);
    this.addSql(`alter table "trust"."interaction" add constraint "interaction_used_check" check (used_at is null or (status = 'approved' and action is not null));`);
    this.addSql(`alter table "trust"."interaction" enable row level security;`);
    this.addSql(`alter table "trust"."interaction" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "trust"."interaction" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "trust"."interaction" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "trust"."interaction" for select to "hive_search" using (true);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "trust"."interaction" cascade;`);

  }

}
