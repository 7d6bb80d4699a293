import { Migration } from '@mikro-orm/migrations';

export class Migration20261124210000_mail extends Migration {

  override name = 'Migration20261124210000_mail';

  override up(): void | Promise<void> {
    this.addSql(`create table "communication"."delivery" ("tenant_id" uuid not null, "id" uuid not null, "message_id" uuid not null, "agent_id" uuid not null, "state" text not null, "priority" smallint not null, "attempt" smallint not null, "max_deliveries" smallint not null, "redrive_count" int not null, "receipt" int not null, "available_at" timestamptz(3) null, "expires_at" timestamptz(3) null, "sent_at" timestamptz(3) not null, "delivered_at" timestamptz(3) null, "settled_at" timestamptz(3) null, "reason" text null, "sequence" bigint null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "delivery_inbox_index" on "communication"."delivery" ("tenant_id", "agent_id", "priority" desc, "message_id") where state = 'pending' and available_at is null;`);
    this.addSql(`create index "delivery_agent_due_index" on "communication"."delivery" ("tenant_id", "agent_id", "available_at") where available_at is not null;`);
    this.addSql(`create index "delivery_due_index" on "communication"."delivery" ("tenant_id", "available_at") where available_at is not null;`);
    this.addSql(`create index "delivery_expiry_index" on "communication"."delivery" ("tenant_id", "expires_at") where expires_at is not null and settled_at is null;`);
    this.addSql(`create index "delivery_dead_index" on "communication"."delivery" ("tenant_id", "id") where state in ('rejected', 'dead');`);
    this.addSql(`create index "delivery_agent_dead_index" on "communication"."delivery" ("tenant_id", "agent_id", "id") where state in ('rejected', 'dead');`);
    this.addSql(`create index "delivery_unnumbered_index" on "communication"."delivery" ("tenant_id", "agent_id", "message_id") where sequence is null and settled_at is null;`);
    this.addSql(`create index "delivery_sequence_index" on "communication"."delivery" ("tenant_id", "agent_id", "sequence") where sequence is not null;`);
    this.addSql(`create index "delivery_agent_index" on "communication"."delivery" ("tenant_id", "agent_id", "message_id");`);
    this.addSql(`alter table "communication"."delivery" add constraint "delivery_message_unique" unique ("tenant_id", "message_id", "agent_id");`);

    this.addSql(`create table "communication"."inbox" ("tenant_id" uuid not null, "agent_id" uuid not null, "last_sequence" bigint not null, primary key ("tenant_id", "agent_id"));`);

    this.addSql(`create table "communication"."agent_message" ("tenant_id" uuid not null, "id" uuid not null, "from_agent_id" uuid not null, "to_agent_id" uuid null, "topic" text null, "type" text not null, "content" jsonb not null, "correlation_id" text null, "reply_to" uuid null, "priority" smallint not null, "max_deliveries" smallint not null, "expires_at" timestamptz(3) null, "message_metadata" jsonb not null, "recipient_count" int not null, "sent_at" timestamptz(3) not null, primary key ("tenant_id", "id")) partition by range ("id");`);
    this.addSql(`create index "agent_message_from_index" on "communication"."agent_message" ("tenant_id", "from_agent_id", "id");`);
    this.addSql(`create index "agent_message_to_index" on "communication"."agent_message" ("tenant_id", "to_agent_id", "id") where to_agent_id is not null;`);
    this.addSql(`create index "agent_message_topic_index" on "communication"."agent_message" ("tenant_id", "topic", "id") where topic is not null;`);
    this.addSql(`create index "agent_message_correlation_index" on "communication"."agent_message" ("tenant_id", "correlation_id", "id") where correlation_id is not null;`);
    this.addSql(`create table "communication"."agent_message_default" partition of "communication"."agent_message" default;`);

    this.addSql(`create table "communication"."topic" ("tenant_id" uuid not null, "name" text not null, "description" text null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "name"));`);

    this.addSql(`create table "communication"."subscription" ("tenant_id" uuid not null, "topic_name" text not null, "agent_id" uuid not null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "topic_name", "agent_id"));`);
    this.addSql(`create index "subscription_agent_index" on "communication"."subscription" ("tenant_id", "agent_id", "topic_name");`);

    this.addSql(`create table "communication"."notification" ("tenant_id" uuid not null, "id" uuid not null, "user_id" uuid null, "agent_id" uuid null, "kind" text not null, "title" text not null, "body" text null, "subject_type" text null, "subject_id" text null, "details" jsonb not null, "created_at" timestamptz(3) not null, "read_at" timestamptz(3) null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "notification_user_index" on "communication"."notification" ("tenant_id", "user_id", "id") where user_id is not null;`);
    this.addSql(`create index "notification_agent_index" on "communication"."notification" ("tenant_id", "agent_id", "id") where agent_id is not null;`);
    this.addSql(`create index "notification_user_unread_index" on "communication"."notification" ("tenant_id", "user_id", "id") where user_id is not null and read_at is null;`);
    this.addSql(`create index "notification_agent_unread_index" on "communication"."notification" ("tenant_id", "agent_id", "id") where agent_id is not null and read_at is null;`);

    this.addSql(`alter table "communication"."delivery" add constraint "delivery_state_check" check (state in ('pending', 'delivered', 'acknowledged', 'rejected', 'expired', 'dead'));`);
    this.addSql(`alter table "communication"."delivery" add constraint "delivery_settled_at_check" check ((state = 'pending' or state = 'delivered') = (settled_at is null));`);
    this.addSql(`alter table "communication"."delivery" add constraint "delivery_available_at_check" check ((state <> 'delivered' or available_at is not null) and (settled_at is null or available_at is null));`);
    this.addSql(`alter table "communication"."delivery" add constraint "delivery_priority_check" check (priority between 0 and 9);`);
    this.addSql(`alter table "communication"."delivery" add constraint "delivery_max_deliveries_check" check (max_deliveries between 1 and 100);`);
    this.addSql(`alter table "communication"."delivery" add constraint "delivery_counts_check" check (attempt >= 0 and redrive_count >= 0 and receipt >= 0);`);
    this.addSql(`alter table "communication"."delivery" add constraint "delivery_reason_check" check (length(reason) <= 1000);`);
    this.addSql(`alter table "communication"."delivery" enable row level security;`);
    this.addSql(`alter table "communication"."delivery" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "communication"."delivery" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "communication"."delivery" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "communication"."delivery" for select to "hive_search" using (true);`);

    this.addSql(`alter table "communication"."inbox" add constraint "inbox_last_sequence_check" check (last_sequence >= 0);`);
    this.addSql(`alter table "communication"."inbox" enable row level security;`);
    this.addSql(`alter table "communication"."inbox" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "communication"."inbox" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "communication"."inbox" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "communication"."inbox" for select to "hive_search" using (true);`);

    this.addSql(`alter table "communication"."agent_message" add constraint "agent_message_tenant_id_from_agent_id_foreign" foreign key ("tenant_id", "from_agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "communication"."agent_message" add constraint "agent_message_tenant_id_to_agent_id_foreign" foreign key ("tenant_id", "to_agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "communication"."agent_message" add constraint "agent_message_type_check" check (type in ('message', 'request', 'reply', 'event', 'command', 'broadcast'));`);
    this.addSql(`alter table "communication"."agent_message" add constraint "agent_message_address_check" check (num_nonnulls(to_agent_id, topic) = case when type = 'broadcast' then 0 else 1 end);`);
    this.addSql(`alter table "communication"."agent_message" add constraint "agent_message_topic_check" check (length(topic) between 1 and 100);`);
    this.addSql(`alter table "communication"."agent_message" add constraint "agent_message_correlation_id_check" check (length(correlation_id) between 1 and 200);`);
    this.addSql(`alter table "communication"."agent_message" add constraint "agent_message_priority_check" check (priority between 0 and 9);`);
    this.addSql(`alter table "communication"."agent_message" add constraint "agent_message_max_deliveries_check" check (max_deliveries between 1 and 100);`);
    this.addSql(`alter table "communication"."agent_message" add constraint "agent_message_recipient_count_check" check (recipient_count >= 0);`);
    this.addSql(`alter table "communication"."agent_message" add constraint "agent_message_content_check" check (jsonb_typeof(content) <> 'null');`);
    this.addSql(`alter table "communication"."agent_message" add constraint "agent_message_message_metadata_check" check (jsonb_typeof(message_metadata) = 'object');`);
    this.addSql(`alter table "communication"."agent_message" enable row level security;`);
    this.addSql(`alter table "communication"."agent_message" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "communication"."agent_message" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "communication"."agent_message" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "communication"."agent_message" for select to "hive_search" using (true);`);

    this.addSql(`alter table "communication"."topic" add constraint "topic_name_check" check (length(name) between 1 and 100);`);
    this.addSql(`alter table "communication"."topic" add constraint "topic_description_check" check (length(description) <= 1000);`);
    this.addSql(`alter table "communication"."topic" enable row level security;`);
    this.addSql(`alter table "communication"."topic" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "communication"."topic" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "communication"."topic" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "communication"."topic" for select to "hive_search" using (true);`);

    this.addSql(`alter table "communication"."subscription" add constraint "subscription_tenant_id_topic_name_foreign" foreign key ("tenant_id", "topic_name") references "communication"."topic" ("tenant_id", "name") on update no action on delete cascade;`);
    this.addSql(`alter table "communication"."subscription" add constraint "subscription_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "communication"."subscription" enable row level security;`);
    this.addSql(`alter table "communication"."subscription" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "communication"."subscription" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "communication"."subscription" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "communication"."subscription" for select to "hive_search" using (true);`);

    this.addSql(`alter table "communication"."notification" add constraint "notification_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "identity"."user" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "communication"."notification" add constraint "notification_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "communication"."notification" add constraint "notification_kind_check" check (kind in ('message', 'alert', 'mail.dead', 'mail.rejected', 'interaction.opened', 'interaction.answered', 'interaction.expired', 'interaction.cancelled'));`);
    this.addSql(`alter table "communication"."notification" add constraint "notification_recipient_check" check (num_nonnulls(user_id, agent_id) = 1);`);
    this.addSql(`alter table "communication"."notification" add constraint "notification_title_check" check (length(title) between 1 and 200);`);
    this.addSql(`alter table "communication"."notification" add constraint "notification_body_check" check (length(body) <= 10000);`);
    this.addSql(`alter table "communication"."notification" add constraint "notification_subject_check" check ((subject_type is null) = (subject_id is null) and length(subject_type) between 1 and 50 and length(subject_id) between 1 and 500);`);
    this.addSql(`alter table "communication"."notification" add constraint "notification_details_check" check (jsonb_typeof(details) = 'object');`);
    this.addSql(`alter table "communication"."notification" enable row level security;`);
    this.addSql(`alter table "communication"."notification" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "communication"."notification" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "communication"."notification" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "communication"."notification" for select to "hive_search" using (true);`);

    // The default partition only served to declare the table: with one, an ordered read merges all months.
    this.addSql(`drop table "communication"."agent_message_default";`);
    this.addSql(`select kernel.ensure_months('communication.agent_message', now(), 3);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "communication"."subscription" drop constraint "subscription_tenant_id_topic_name_foreign";`);

    this.addSql(`drop table if exists "communication"."delivery" cascade;`);
    this.addSql(`drop table if exists "communication"."inbox" cascade;`);
    this.addSql(`drop table if exists "communication"."agent_message" cascade;`);
    this.addSql(`drop table if exists "communication"."topic" cascade;`);
    this.addSql(`drop table if exists "communication"."subscription" cascade;`);
    this.addSql(`drop table if exists "communication"."notification" cascade;`);

  }

}
