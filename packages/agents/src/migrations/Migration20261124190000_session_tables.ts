import { Migration } from '@mikro-orm/migrations';

export class Migration20261124190000_session_tables extends Migration {

  override name = 'Migration20261124190000_session_tables';

  override up(): void | Promise<void> {
    this.addSql(`create table "agents"."session" ("tenant_id" uuid not null, "id" uuid not null, "external_id" text null, "name" text null, "platform" text null, "agent_id" uuid null, "user_id" uuid null, "state" text not null default 'active', "trust_level" smallint not null default 0, "context" jsonb not null default '{}', "session_metadata" jsonb not null default '{}', "continues_id" uuid null, "forked_from_id" uuid null, "fork_sequence" bigint null, "last_sequence" bigint not null default '0', "first_message_id" uuid null, "last_message_id" uuid null, "last_message_at" timestamptz(3) null, "tokens_used" bigint not null default '0', "started_at" timestamptz(3) not null, "ended_at" timestamptz(3) null, "expires_at" timestamptz(3) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    // Each message updates the row in place (no index has what it moves), where its page has room.
    this.addSql(`alter table "agents"."session" set (fillfactor = 70);`);
    this.addSql(`create index "session_active_index" on "agents"."session" ("tenant_id", "id") where state = 'active';`);
    this.addSql(`create index "session_state_index" on "agents"."session" ("tenant_id", "state", "id") where state <> 'active';`);
    this.addSql(`create index "session_expiry_index" on "agents"."session" ("tenant_id", "expires_at") where state in ('active', 'paused') and expires_at is not null;`);
    this.addSql(`create index "session_agent_index" on "agents"."session" ("tenant_id", "agent_id", "id") where agent_id is not null;`);
    this.addSql(`create index "session_user_index" on "agents"."session" ("tenant_id", "user_id", "id") where user_id is not null;`);
    this.addSql(`create index "session_name_index" on "agents"."session" ("tenant_id", "name", "id") where name is not null;`);
    this.addSql(`create index "session_continues_index" on "agents"."session" ("tenant_id", "continues_id") where continues_id is not null;`);
    this.addSql(`create index "session_forked_from_index" on "agents"."session" ("tenant_id", "forked_from_id") where forked_from_id is not null;`);
    this.addSql(`create unique index "session_external_id_unique" on "agents"."session" ("tenant_id", "external_id") where external_id is not null;`);

    this.addSql(`alter table "agents"."session" add constraint "session_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "agents"."session" add constraint "session_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "identity"."user" ("tenant_id", "id") on update no action on delete no action;`);
    this.addSql(`alter table "agents"."session" add constraint "session_tenant_id_continues_id_foreign" foreign key ("tenant_id", "continues_id") references "agents"."session" ("tenant_id", "id") on update no action on delete no action;`);
    this.addSql(`alter table "agents"."session" add constraint "session_tenant_id_forked_from_id_foreign" foreign key ("tenant_id", "forked_from_id") references "agents"."session" ("tenant_id", "id") on update no action on delete no action;`);
    this.addSql(`alter table "agents"."session" add constraint "session_external_id_check" check (length(external_id) between 1 and 200);`);
    this.addSql(`alter table "agents"."session" add constraint "session_name_check" check (length(name) between 1 and 200);`);
    this.addSql(`alter table "agents"."session" add constraint "session_platform_check" check (length(platform) between 1 and 100);`);
    this.addSql(`alter table "agents"."session" add constraint "session_state_check" check (state in ('active', 'paused', 'completed', 'terminated', 'expired'));`);
    this.addSql(`alter table "agents"."session" add constraint "session_trust_level_check" check (trust_level between 0 and 4);`);
    this.addSql(`alter table "agents"."session" add constraint "session_context_check" check (jsonb_typeof(context) = 'object');`);
    this.addSql(`alter table "agents"."session" add constraint "session_session_metadata_check" check (jsonb_typeof(session_metadata) = 'object');`);
    this.addSql(`alter table "agents"."session" add constraint "session_fork_check" check ((forked_from_id is null) = (fork_sequence is null));`);
    this.addSql(`alter table "agents"."session" add constraint "session_last_sequence_check" check (last_sequence >= coalesce(fork_sequence, 0));`);
    this.addSql(`alter table "agents"."session" add constraint "session_tokens_used_check" check (tokens_used >= 0);`);
    this.addSql(`alter table "agents"."session" add constraint "session_ended_at_check" check ((ended_at is null) = (state = 'active' or state = 'paused'));`);
    this.addSql(`alter table "agents"."session" enable row level security;`);
    this.addSql(`alter table "agents"."session" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."session" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."session" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."session" for select to "hive_search" using (true);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "agents"."session";`);
  }

}
