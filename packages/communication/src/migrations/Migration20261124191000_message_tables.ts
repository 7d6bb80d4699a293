import { Migration } from '@mikro-orm/migrations';

export class Migration20261124191000_message_tables extends Migration {

  override name = 'Migration20261124191000_message_tables';

  override up(): void | Promise<void> {
    this.addSql(`create table "communication"."message" ("tenant_id" uuid not null, "id" uuid not null, "session_id" uuid not null, "sequence" bigint not null, "role" text not null, "message_type" text not null, "content" text not null, "parent_message_id" uuid null, "tokens_used" int null, "model_used" text null, "tool_calls" jsonb null, "tool_outputs" jsonb null, "channel_payload" jsonb not null default '{}', "message_metadata" jsonb not null default '{}', "size_bytes" int not null, "content_digest" text not null, "payload_digest" text null, "feedback" text null, "feedback_comment" text null, "feedback_at" timestamptz(3) null, "redacted_at" timestamptz(3) null, "redaction_reason" text null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, primary key ("tenant_id", "id")) partition by range ("id");`);
    this.addSql(`create index "message_session_index" on "communication"."message" ("tenant_id", "session_id", "sequence");`);
    this.addSql(`create index "message_parent_index" on "communication"."message" ("tenant_id", "parent_message_id", "sequence") where parent_message_id is not null;`);
    this.addSql(`create index "message_search_index" on "communication"."message" using gin ("tenant_id", to_tsvector('simple', left("content", 100000)));`);
    this.addSql(`create index "message_channel_payload_index" on "communication"."message" using gin ("tenant_id", "channel_payload" jsonb_path_ops) where channel_payload <> '{}';`);
    this.addSql(`create table "communication"."message_default" partition of "communication"."message" default;`);

    this.addSql(`alter table "communication"."message" add constraint "message_tenant_id_session_id_foreign" foreign key ("tenant_id", "session_id") references "agents"."session" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "communication"."message" add constraint "message_sequence_check" check (sequence >= 1);`);
    this.addSql(`alter table "communication"."message" add constraint "message_role_check" check (role in ('user', 'agent', 'system', 'tool'));`);
    this.addSql(`alter table "communication"."message" add constraint "message_message_type_check" check (message_type in ('text', 'code', 'command', 'file', 'error', 'warning', 'info', 'tool_call', 'tool_result'));`);
    this.addSql(`alter table "communication"."message" add constraint "message_tokens_used_check" check (tokens_used >= 0);`);
    this.addSql(`alter table "communication"."message" add constraint "message_model_used_check" check (length(model_used) between 1 and 200);`);
    this.addSql(`alter table "communication"."message" add constraint "message_tool_calls_check" check (jsonb_typeof(tool_calls) = 'array');`);
    this.addSql(`alter table "communication"."message" add constraint "message_tool_outputs_check" check (jsonb_typeof(tool_outputs) = 'array');`);
    this.addSql(`alter table "communication"."message" add constraint "message_channel_payload_check" check (jsonb_typeof(channel_payload) = 'object');`);
    this.addSql(`alter table "communication"."message" add constraint "message_message_metadata_check" check (jsonb_typeof(message_metadata) = 'object');`);
    this.addSql(`alter table "communication"."message" add constraint "message_content_digest_check" check (length(content_digest) = 64);`);
    this.addSql(`alter table "communication"."message" add constraint "message_feedback_check" check (feedback in ('pending', 'approved', 'rejected', 'modified'));`);
    this.addSql(`alter table "communication"."message" add constraint "message_redaction_check" check (redacted_at is null or (content = '' and tool_calls is null and tool_outputs is null and channel_payload = '{}' and message_metadata = '{}' and redaction_reason is not null));`);
    this.addSql(`alter table "communication"."message" enable row level security;`);
    this.addSql(`alter table "communication"."message" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "communication"."message" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "communication"."message" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "communication"."message" for select to "hive_search" using (true);`);

    // The default partition only served to declare the table: with one, an ordered read merges all months.
    this.addSql(`drop table "communication"."message_default";`);
    this.addSql(`select kernel.ensure_months('communication.message', now(), 3);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "communication"."message" cascade;`);

  }

}
