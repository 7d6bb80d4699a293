import { Migration } from '@mikro-orm/migrations';

export class Migration20261123062731_agent_tables extends Migration {

  override name = 'Migration20261123062731_agent_tables';

  override up(): void | Promise<void> {
    this.addSql(`create table "agents"."agent_type" ("tenant_id" uuid not null, "name" text not null, "description" text null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, primary key ("tenant_id", "name"));`);

    this.addSql(`create table "agents"."mcp_server" ("tenant_id" uuid not null, "id" uuid not null, "name" text not null, "description" text null, "transport" text not null, "command" text null, "args" jsonb not null, "env" jsonb not null, "url" text null, "headers" jsonb not null, "timeout_ms" int not null, "is_enabled" boolean not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`comment on column "agents"."mcp_server"."env" is 'sensitive: the record keeps a digest only';`);
    this.addSql(`comment on column "agents"."mcp_server"."headers" is 'sensitive: the record keeps a digest only';`);
    this.addSql(`alter table "agents"."mcp_server" add constraint "mcp_server_name_unique" unique ("tenant_id", "name");`);

    this.addSql(`create table "agents"."agent" ("tenant_id" uuid not null, "id" uuid not null, "name" text not null, "type" text not null, "persona_type" text null, "description" text null, "model" text null, "capabilities" jsonb not null default '[]', "config" jsonb not null default '{}', "external_id" text null, "project_id" uuid null, "enhanced_features_enabled" boolean not null default false, "performance_score" int not null default 0, "learning_metrics" jsonb not null default '{}', "optimization_suggestions" jsonb not null default '[]', "ai_metadata" jsonb not null default '{}', "last_ai_analysis" timestamptz(3) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "agent_name_index" on "agents"."agent" ("tenant_id", "name", "id");`);
    this.addSql(`create index "agent_type_index" on "agents"."agent" ("tenant_id", "type", "id");`);
    this.addSql(`create index "agent_persona_index" on "agents"."agent" ("tenant_id", "persona_type", "id") where persona_type is not null;`);
    this.addSql(`create index "agent_project_index" on "agents"."agent" ("tenant_id", "project_id", "id") where project_id is not null;`);
    this.addSql(`create index "agent_performance_score_index" on "agents"."agent" ("tenant_id", "performance_score", "id");`);
    this.addSql(`create index "agent_enhanced_features_index" on "agents"."agent" ("tenant_id", "id") where enhanced_features_enabled;`);
    this.addSql(`create index "agent_capabilities_index" on "agents"."agent" using gin ("tenant_id", "capabilities");`);
    this.addSql(`create unique index "agent_external_id_unique" on "agents"."agent" ("tenant_id", "external_id") where external_id is not null;`);

    this.addSql(`create table "agents"."presence" ("tenant_id" uuid not null, "agent_id" uuid not null, "status" text not null, "status_reason" text null, "status_changed_at" timestamptz(3) not null, "last_heartbeat_at" timestamptz(3) null, "heartbeat_count" bigint not null, "metrics" jsonb null, primary key ("tenant_id", "agent_id"));`);
    this.addSql(`create index "presence_status_index" on "agents"."presence" ("tenant_id", "status", "agent_id");`);
    this.addSql(`create index "presence_heartbeat_index" on "agents"."presence" ("tenant_id", "last_heartbeat_at") where status in ('active', 'idle', 'busy');`);

    this.addSql(`create table "agents"."mcp_server_assignment" ("tenant_id" uuid not null, "agent_id" uuid not null, "server_id" uuid not null, "configuration" jsonb not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, primary key ("tenant_id", "agent_id", "server_id"));`);
    this.addSql(`create index "mcp_server_assignment_server_index" on "agents"."mcp_server_assignment" ("tenant_id", "server_id", "agent_id");`);

    this.addSql(`create table "agents"."instruction" ("tenant_id" uuid not null, "id" uuid not null, "agent_id" uuid not null, "purpose" text not null, "tone_guidelines" text null, "response_templates" jsonb not null, "instruction_metadata" jsonb not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`alter table "agents"."instruction" add constraint "instruction_agent_unique" unique ("tenant_id", "agent_id");`);

    this.addSql(`create table "agents"."knowledge_domain" ("tenant_id" uuid not null, "id" uuid not null, "instruction_id" uuid not null, "domain_name" text not null, "priority_level" int not null, "description" text null, "domain_metadata" jsonb not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "knowledge_domain_name_index" on "agents"."knowledge_domain" ("tenant_id", "domain_name", "instruction_id");`);
    this.addSql(`alter table "agents"."knowledge_domain" add constraint "knowledge_domain_instruction_name_unique" unique ("tenant_id", "instruction_id", "domain_name");`);

    this.addSql(`create table "agents"."capability" ("tenant_id" uuid not null, "id" uuid not null, "instruction_id" uuid not null, "capability_name" text not null, "description" text null, "parameters" jsonb not null, "capability_metadata" jsonb not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "capability_name_index" on "agents"."capability" ("tenant_id", "capability_name", "instruction_id");`);
    this.addSql(`alter table "agents"."capability" add constraint "capability_instruction_name_unique" unique ("tenant_id", "instruction_id", "capability_name");`);

    this.addSql(`create table "agents"."prompt_template" ("tenant_id" uuid not null, "id" uuid not null, "instruction_id" uuid not null, "template_name" text not null, "template_version" int not null, "template_content" text not null, "context_parameters" jsonb not null, "is_active" boolean not null, "restored_from_version" int null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`alter table "agents"."prompt_template" add constraint "prompt_template_version_unique" unique ("tenant_id", "instruction_id", "template_name", "template_version");`);
    this.addSql(`create unique index "prompt_template_active_unique" on "agents"."prompt_template" ("tenant_id", "instruction_id", "template_name") where is_active;`);

    this.addSql(`create table "agents"."status_change" ("tenant_id" uuid not null, "id" uuid not null, "agent_id" uuid not null, "from_status" text not null, "to_status" text not null, "reason" text null, "changed_by" uuid null, "changed_by_name" text not null, "changed_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "status_change_agent_index" on "agents"."status_change" ("tenant_id", "agent_id", "id");`);

    this.addSql(`create table "agents"."tool" ("tenant_id" uuid not null, "id" uuid not null, "name" text not null, "tool_version" text not null, "description" text null, "schema" jsonb not null, "source" text null, "security_level" text not null, "mcp_server_id" uuid null, "tool_metadata" jsonb not null, "registered_at" timestamptz(3) not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "tool_mcp_server_index" on "agents"."tool" ("tenant_id", "mcp_server_id") where mcp_server_id is not null;`);
    this.addSql(`alter table "agents"."tool" add constraint "tool_name_version_unique" unique ("tenant_id", "name", "tool_version");`);

    this.addSql(`create table "agents"."tool_grant" ("tenant_id" uuid not null, "agent_id" uuid not null, "tool_id" uuid not null, "configuration" jsonb not null, "permissions" jsonb not null, "expires_at" timestamptz(3) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "agent_id", "tool_id"));`);
    this.addSql(`create index "tool_grant_tool_index" on "agents"."tool_grant" ("tenant_id", "tool_id", "agent_id");`);

    this.addSql(`create table "agents"."workload" ("tenant_id" uuid not null, "agent_id" uuid not null, "open_count" int not null, "succeeded_count" int not null, "failed_count" int not null, "mean_duration_ms" double precision null, "p95_duration_ms" double precision null, "window_seconds" int not null, "measured_at" timestamptz(3) not null, primary key ("tenant_id", "agent_id"));`);

    this.addSql(`alter table "agents"."agent_type" add constraint "agent_type_name_check" check (name ~ '^[a-z][a-z0-9-]{0,49}\$');`);
    this.addSql(`alter table "agents"."agent_type" add constraint "agent_type_description_check" check (length(description) <= 1000);`);
    this.addSql(`alter table "agents"."agent_type" enable row level security;`);
    this.addSql(`alter table "agents"."agent_type" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."agent_type" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."agent_type" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."agent_type" for select to "hive_search" using (true);`);

    this.addSql(`alter table "agents"."mcp_server" add constraint "mcp_server_name_check" check (length(name) between 1 and 100);`);
    this.addSql(`alter table "agents"."mcp_server" add constraint "mcp_server_transport_check" check (transport in ('stdio', 'http'));`);
    this.addSql(`alter table "agents"."mcp_server" add constraint "mcp_server_form_check" check ((transport = 'stdio' and command is not null and url is null) or (transport = 'http' and url is not null and command is null));`);
    this.addSql(`alter table "agents"."mcp_server" add constraint "mcp_server_timeout_ms_check" check (timeout_ms between 100 and 600000);`);
    this.addSql(`alter table "agents"."mcp_server" add constraint "mcp_server_args_check" check (jsonb_typeof(args) = 'array');`);
    this.addSql(`alter table "agents"."mcp_server" add constraint "mcp_server_env_check" check (jsonb_typeof(env) = 'object');`);
    this.addSql(`alter table "agents"."mcp_server" add constraint "mcp_server_headers_check" check (jsonb_typeof(headers) = 'object');`);
    this.addSql(`alter table "agents"."mcp_server" enable row level security;`);
    this.addSql(`alter table "agents"."mcp_server" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."mcp_server" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."mcp_server" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."mcp_server" for select to "hive_search" using (true);`);

    this.addSql(`alter table "agents"."agent" add constraint "agent_tenant_id_project_id_foreign" foreign key ("tenant_id", "project_id") references "identity"."project" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "agents"."agent" add constraint "agent_name_check" check (length(name) between 1 and 100 and name = btrim(name));`);
    this.addSql(`alter table "agents"."agent" add constraint "agent_type_check" check (length(type) between 1 and 50);`);
    this.addSql(`alter table "agents"."agent" add constraint "agent_persona_type_check" check (persona_type in ('developer', 'qa', 'architect', 'security', 'compliance', 'documentation', 'orchestrator', 'general'));`);
    this.addSql(`alter table "agents"."agent" add constraint "agent_external_id_check" check (length(external_id) between 1 and 200);`);
    this.addSql(`alter table "agents"."agent" add constraint "agent_performance_score_check" check (performance_score between 0 and 100);`);
    this.addSql(`alter table "agents"."agent" add constraint "agent_capabilities_check" check (jsonb_typeof(capabilities) = 'array');`);
    this.addSql(`alter table "agents"."agent" add constraint "agent_config_check" check (jsonb_typeof(config) = 'object');`);
    this.addSql(`alter table "agents"."agent" add constraint "agent_learning_metrics_check" check (jsonb_typeof(learning_metrics) = 'object');`);
    this.addSql(`alter table "agents"."agent" add constraint "agent_optimization_suggestions_check" check (jsonb_typeof(optimization_suggestions) = 'array');`);
    this.addSql(`alter table "agents"."agent" add constraint "agent_ai_metadata_check" check (jsonb_typeof(ai_metadata) = 'object');`);
    this.addSql(`alter table "agents"."agent" enable row level security;`);
    this.addSql(`alter table "agents"."agent" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."agent" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."agent" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."agent" for select to "hive_search" using (true);`);

    this.addSql(`alter table "agents"."presence" add constraint "presence_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "agents"."presence" add constraint "presence_status_check" check (status in ('initializing', 'active', 'idle', 'busy', 'error', 'shutdown'));`);
    this.addSql(`alter table "agents"."presence" add constraint "presence_status_reason_check" check (length(status_reason) <= 500);`);
    this.addSql(`alter table "agents"."presence" add constraint "presence_metrics_check" check (jsonb_typeof(metrics) = 'object');`);
    this.addSql(`alter table "agents"."presence" enable row level security;`);
    this.addSql(`alter table "agents"."presence" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."presence" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."presence" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."presence" for select to "hive_search" using (true);`);

    this.addSql(`alter table "agents"."mcp_server_assignment" add constraint "mcp_server_assignment_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "agents"."mcp_server_assignment" add constraint "mcp_server_assignment_tenant_id_server_id_foreign" foreign key ("tenant_id", "server_id") references "agents"."mcp_server" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "agents"."mcp_server_assignment" add constraint "mcp_server_assignment_configuration_check" check (jsonb_typeof(configuration) = 'object');`);
    this.addSql(`alter table "agents"."mcp_server_assignment" enable row level security;`);
    this.addSql(`alter table "agents"."mcp_server_assignment" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."mcp_server_assignment" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."mcp_server_assignment" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."mcp_server_assignment" for select to "hive_search" using (true);`);

    this.addSql(`alter table "agents"."instruction" add constraint "instruction_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "agents"."instruction" add constraint "instruction_purpose_check" check (length(purpose) between 1 and 20000);`);
    this.addSql(`alter table "agents"."instruction" add constraint "instruction_tone_guidelines_check" check (length(tone_guidelines) <= 20000);`);
    this.addSql(`alter table "agents"."instruction" add constraint "instruction_response_templates_check" check (jsonb_typeof(response_templates) = 'object');`);
    this.addSql(`alter table "agents"."instruction" add constraint "instruction_instruction_metadata_check" check (jsonb_typeof(instruction_metadata) = 'object');`);
    this.addSql(`alter table "agents"."instruction" enable row level security;`);
    this.addSql(`alter table "agents"."instruction" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."instruction" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."instruction" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."instruction" for select to "hive_search" using (true);`);

    this.addSql(`alter table "agents"."knowledge_domain" add constraint "knowledge_domain_tenant_id_instruction_id_foreign" foreign key ("tenant_id", "instruction_id") references "agents"."instruction" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "agents"."knowledge_domain" add constraint "knowledge_domain_domain_name_check" check (length(domain_name) between 1 and 100);`);
    this.addSql(`alter table "agents"."knowledge_domain" add constraint "knowledge_domain_priority_level_check" check (priority_level between 1 and 10);`);
    this.addSql(`alter table "agents"."knowledge_domain" add constraint "knowledge_domain_description_check" check (length(description) <= 2000);`);
    this.addSql(`alter table "agents"."knowledge_domain" add constraint "knowledge_domain_domain_metadata_check" check (jsonb_typeof(domain_metadata) = 'object');`);
    this.addSql(`alter table "agents"."knowledge_domain" enable row level security;`);
    this.addSql(`alter table "agents"."knowledge_domain" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."knowledge_domain" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."knowledge_domain" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."knowledge_domain" for select to "hive_search" using (true);`);

    this.addSql(`alter table "agents"."capability" add constraint "capability_tenant_id_instruction_id_foreign" foreign key ("tenant_id", "instruction_id") references "agents"."instruction" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "agents"."capability" add constraint "capability_capability_name_check" check (length(capability_name) between 1 and 100);`);
    this.addSql(`alter table "agents"."capability" add constraint "capability_description_check" check (length(description) <= 2000);`);
    this.addSql(`alter table "agents"."capability" add constraint "capability_parameters_check" check (jsonb_typeof(parameters) = 'object');`);
    this.addSql(`alter table "agents"."capability" add constraint "capability_capability_metadata_check" check (jsonb_typeof(capability_metadata) = 'object');`);
    this.addSql(`alter table "agents"."capability" enable row level security;`);
    this.addSql(`alter table "agents"."capability" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."capability" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."capability" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."capability" for select to "hive_search" using (true);`);

    this.addSql(`alter table "agents"."prompt_template" add constraint "prompt_template_tenant_id_instruction_id_foreign" foreign key ("tenant_id", "instruction_id") references "agents"."instruction" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "agents"."prompt_template" add constraint "prompt_template_template_name_check" check (length(template_name) between 1 and 100);`);
    this.addSql(`alter table "agents"."prompt_template" add constraint "prompt_template_template_version_check" check (template_version >= 1);`);
    this.addSql(`alter table "agents"."prompt_template" add constraint "prompt_template_template_content_check" check (length(template_content) between 1 and 200000);`);
    this.addSql(`alter table "agents"."prompt_template" add constraint "prompt_template_context_parameters_check" check (jsonb_typeof(context_parameters) = 'object');`);
    this.addSql(`alter table "agents"."prompt_template" enable row level security;`);
    this.addSql(`alter table "agents"."prompt_template" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."prompt_template" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."prompt_template" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."prompt_template" for select to "hive_search" using (true);`);

    this.addSql(`alter table "agents"."status_change" add constraint "status_change_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "agents"."status_change" add constraint "status_change_from_status_check" check (from_status in ('initializing', 'active', 'idle', 'busy', 'error', 'shutdown'));`);
    this.addSql(`alter table "agents"."status_change" add constraint "status_change_to_status_check" check (to_status in ('initializing', 'active', 'idle', 'busy', 'error', 'shutdown'));`);
    this.addSql(`alter table "agents"."status_change" enable row level security;`);
    this.addSql(`alter table "agents"."status_change" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."status_change" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."status_change" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."status_change" for select to "hive_search" using (true);`);

    this.addSql(`alter table "agents"."tool" add constraint "tool_tenant_id_mcp_server_id_foreign" foreign key ("tenant_id", "mcp_server_id") references "agents"."mcp_server" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "agents"."tool" add constraint "tool_name_check" check (length(name) between 1 and 100);`);
    this.addSql(`alter table "agents"."tool" add constraint "tool_tool_version_check" check (length(tool_version) between 1 and 50);`);
    this.addSql(`alter table "agents"."tool" add constraint "tool_source_check" check (length(source) <= 500);`);
    this.addSql(`alter table "agents"."tool" add constraint "tool_security_level_check" check (security_level in ('low', 'medium', 'high', 'critical'));`);
    this.addSql(`alter table "agents"."tool" add constraint "tool_schema_check" check (jsonb_typeof(schema) = 'object');`);
    this.addSql(`alter table "agents"."tool" add constraint "tool_tool_metadata_check" check (jsonb_typeof(tool_metadata) = 'object');`);
    this.addSql(`alter table "agents"."tool" enable row level security;`);
    this.addSql(`alter table "agents"."tool" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."tool" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."tool" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."tool" for select to "hive_search" using (true);`);

    this.addSql(`alter table "agents"."tool_grant" add constraint "tool_grant_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "agents"."tool_grant" add constraint "tool_grant_tenant_id_tool_id_foreign" foreign key ("tenant_id", "tool_id") references "agents"."tool" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "agents"."tool_grant" add constraint "tool_grant_configuration_check" check (jsonb_typeof(configuration) = 'object');`);
    this.addSql(`alter table "agents"."tool_grant" add constraint "tool_grant_permissions_check" check (jsonb_typeof(permissions) = 'array');`);
    this.addSql(`alter table "agents"."tool_grant" enable row level security;`);
    this.addSql(`alter table "agents"."tool_grant" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."tool_grant" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."tool_grant" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."tool_grant" for select to "hive_search" using (true);`);

    this.addSql(`alter table "agents"."workload" add constraint "workload_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "agents"."workload" add constraint "workload_counts_check" check (open_count >= 0 and succeeded_count >= 0 and failed_count >= 0);`);
    this.addSql(`alter table "agents"."workload" add constraint "workload_durations_check" check (mean_duration_ms >= 0 and p95_duration_ms >= 0);`);
    this.addSql(`alter table "agents"."workload" add constraint "workload_window_seconds_check" check (window_seconds > 0);`);
    this.addSql(`alter table "agents"."workload" enable row level security;`);
    this.addSql(`alter table "agents"."workload" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "agents"."workload" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "agents"."workload" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "agents"."workload" for select to "hive_search" using (true);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "agents"."mcp_server_assignment" drop constraint "mcp_server_assignment_tenant_id_server_id_foreign";`);
    this.addSql(`alter table "agents"."tool" drop constraint "tool_tenant_id_mcp_server_id_foreign";`);
    this.addSql(`alter table "agents"."presence" drop constraint "presence_tenant_id_agent_id_foreign";`);
    this.addSql(`alter table "agents"."mcp_server_assignment" drop constraint "mcp_server_assignment_tenant_id_agent_id_foreign";`);
    this.addSql(`alter table "agents"."instruction" drop constraint "instruction_tenant_id_agent_id_foreign";`);
    this.addSql(`alter table "agents"."status_change" drop constraint "status_change_tenant_id_agent_id_foreign";`);
    this.addSql(`alter table "agents"."tool_grant" drop constraint "tool_grant_tenant_id_agent_id_foreign";`);
    this.addSql(`alter table "agents"."workload" drop constraint "workload_tenant_id_agent_id_foreign";`);
    this.addSql(`alter table "agents"."knowledge_domain" drop constraint "knowledge_domain_tenant_id_instruction_id_foreign";`);
    this.addSql(`alter table "agents"."capability" drop constraint "capability_tenant_id_instruction_id_foreign";`);
    this.addSql(`alter table "agents"."prompt_template" drop constraint "prompt_template_tenant_id_instruction_id_foreign";`);
    this.addSql(`alter table "agents"."tool_grant" drop constraint "tool_grant_tenant_id_tool_id_foreign";`);

    this.addSql(`drop table if exists "agents"."agent_type" cascade;`);
    this.addSql(`drop table if exists "agents"."mcp_server" cascade;`);
    this.addSql(`drop table if exists "agents"."agent" cascade;`);
    this.addSql(`drop table if exists "agents"."presence" cascade;`);
    this.addSql(`drop table if exists "agents"."mcp_server_assignment" cascade;`);
    this.addSql(`drop table if exists "agents"."instruction" cascade;`);
    this.addSql(`drop table if exists "agents"."knowledge_domain" cascade;`);
    this.addSql(`drop table if exists "agents"."capability" cascade;`);
    this.addSql(`drop table if exists "agents"."prompt_template" cascade;`);
    this.addSql(`drop table if exists "agents"."status_change" cascade;`);
    this.addSql(`drop table if exists "agents"."tool" cascade;`);
    this.addSql(`drop table if exists "agents"."tool_grant" cascade;`);
    this.addSql(`drop table if exists "agents"."workload" cascade;`);

  }

}
