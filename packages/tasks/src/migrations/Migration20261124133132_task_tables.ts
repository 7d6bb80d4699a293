import { Migration } from '@mikro-orm/migrations';

export class Migration20261124133132_task_tables extends Migration {

  override name = 'Migration20261124133132_task_tables';

  override up(): void | Promise<void> {
    this.addSql(`create table "tasks"."attempt" ("tenant_id" uuid not null, "id" uuid not null, "task_id" uuid not null, "agent_id" uuid not null, "fencing_token" bigint not null, "number" int not null, "redrive" int not null, "claimed_at" timestamptz(3) not null, "ended_at" timestamptz(3) null, "outcome" text null, "error" jsonb null, "progress" smallint null, "cost_usd" double precision null, "input_tokens" bigint null, "output_tokens" bigint null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "attempt_task_index" on "tasks"."attempt" ("tenant_id", "task_id", "id");`);
    this.addSql(`create index "attempt_agent_index" on "tasks"."attempt" ("tenant_id", "agent_id", "id");`);

    this.addSql(`create table "tasks"."concurrency_limit" ("tenant_id" uuid not null, "key" text not null, "max_active" int not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "key"));`);

    this.addSql(`create table "tasks"."graph_lock" ("tenant_id" uuid not null, primary key ("tenant_id"));`);

    this.addSql(`create table "tasks"."process" ("tenant_id" uuid not null, "id" uuid not null, "name" text not null, "description" text null, "latest_version" int not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "revision" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`alter table "tasks"."process" add constraint "process_name_unique" unique ("tenant_id", "name");`);

    this.addSql(`create table "tasks"."process_run" ("tenant_id" uuid not null, "id" uuid not null, "process_id" uuid not null, "process_version" int not null, "parameters" jsonb not null, "trigger" text not null, "schedule_id" uuid null, "root_task_id" uuid not null, "step_tasks" jsonb not null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "process_run_process_index" on "tasks"."process_run" ("tenant_id", "process_id", "id");`);

    this.addSql(`create table "tasks"."process_version" ("tenant_id" uuid not null, "process_id" uuid not null, "number" int not null, "steps" jsonb not null, "parameters" jsonb not null, "requirements" jsonb not null, "success_criteria" jsonb not null, "triggers" jsonb not null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "process_id", "number"));`);

    this.addSql(`create table "tasks"."queue" ("tenant_id" uuid not null, "name" text not null, "weight" int not null, "rate_limit" double precision null, "tokens" double precision not null, "refilled_at" timestamptz(3) not null, "max_concurrent" int null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "name"));`);

    this.addSql(`create table "tasks"."schedule" ("tenant_id" uuid not null, "id" uuid not null, "name" text not null, "cron" text not null, "time_zone" text not null, "catch_up" text not null, "is_enabled" boolean not null, "process_id" uuid null, "parameters" jsonb not null, "task" jsonb null, "next_run_at" timestamptz(3) null, "last_run_at" timestamptz(3) null, "last_error" text null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "schedule_due_index" on "tasks"."schedule" ("tenant_id", "next_run_at") where next_run_at is not null;`);
    this.addSql(`create index "schedule_process_index" on "tasks"."schedule" ("tenant_id", "process_id") where process_id is not null;`);
    this.addSql(`alter table "tasks"."schedule" add constraint "schedule_name_unique" unique ("tenant_id", "name");`);

    this.addSql(`create table "tasks"."task" ("tenant_id" uuid not null, "id" uuid not null, "title" text not null, "description" jsonb null, "type" text not null, "action_class" text null, "risk" text null, "status" text not null, "status_reason" text null, "input" jsonb not null, "result" jsonb null, "error" jsonb null, "task_metadata" jsonb not null, "priority" smallint not null, "queue" text not null, "required_capabilities" jsonb not null, "lane" uuid not null, "held_by" text null, "assignee_id" uuid null, "reserved_for" uuid not null, "parent_id" uuid null, "project_id" uuid null, "process_run_id" uuid null, "concurrency_key" text null, "external_id" text null, "run_at" timestamptz(3) null, "deadline_at" timestamptz(3) null, "attempt" int not null, "max_attempts" int not null, "redrive_count" int not null, "backoff_kind" text not null, "backoff_seconds" int not null, "backoff_max_seconds" int not null, "fencing_token" bigint not null, "attempt_id" uuid null, "lease_expires_at" timestamptz(3) null, "lease_seconds" int null, "progress" smallint not null, "predicted_duration" int null, "ai_complexity_score" double precision null default 0, "ai_optimization_applied" boolean not null default false, "child_policy" text not null, "child_count" int not null, "open_child_count" int not null, "failed_child_count" int not null, "on_dependency_failure" text not null, "open_start_count" int not null, "open_finish_count" int not null, "is_linked" boolean not null, "is_start_linked" boolean not null, "started_at" timestamptz(3) null, "completed_at" timestamptz(3) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "task_claim_index" on "tasks"."task" ("tenant_id", "reserved_for", "queue", "lane", "priority" desc, "id") where status = 'ready' and held_by is null;`);
    this.addSql(`create index "task_due_index" on "tasks"."task" ("tenant_id", "run_at") where status = 'ready' and held_by = 'run_at';`);
    this.addSql(`create index "task_lease_index" on "tasks"."task" ("tenant_id", "lease_expires_at") where status in ('claimed', 'running');`);
    this.addSql(`create index "task_deadline_index" on "tasks"."task" ("tenant_id", "deadline_at") where deadline_at is not null and status in ('blocked', 'ready', 'claimed', 'running', 'waiting');`);
    this.addSql(`create index "task_concurrency_index" on "tasks"."task" ("tenant_id", "concurrency_key", "held_by", "priority" desc, "id") where concurrency_key is not null and status in ('ready', 'claimed', 'running');`);
    this.addSql(`create index "task_queue_index" on "tasks"."task" ("tenant_id", "queue", "status", "id");`);
    this.addSql(`create index "task_assignee_index" on "tasks"."task" ("tenant_id", "assignee_id", "id") where assignee_id is not null;`);
    this.addSql(`create index "task_parent_index" on "tasks"."task" ("tenant_id", "parent_id", "id") where parent_id is not null;`);
    this.addSql(`create index "task_project_index" on "tasks"."task" ("tenant_id", "project_id", "id") where project_id is not null;`);
    this.addSql(`create index "task_process_run_index" on "tasks"."task" ("tenant_id", "process_run_id", "id") where process_run_id is not null;`);
    this.addSql(`create index "task_capabilities_index" on "tasks"."task" using gin ("tenant_id", "required_capabilities") where required_capabilities <> '[]'::jsonb;`);
    this.addSql(`create unique index "task_external_id_unique" on "tasks"."task" ("tenant_id", "external_id") where external_id is not null;`);

    this.addSql(`create table "tasks"."assignment" ("tenant_id" uuid not null, "id" uuid not null, "task_id" uuid not null, "agent_id" uuid null, "candidates" jsonb not null, "reason" text not null, "prediction" jsonb null, "decided_by" text not null, "decided_at" timestamptz(3) not null, "outcome" text null, "outcome_at" timestamptz(3) null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "assignment_task_index" on "tasks"."assignment" ("tenant_id", "task_id", "id");`);
    this.addSql(`create index "assignment_agent_index" on "tasks"."assignment" ("tenant_id", "agent_id", "id") where agent_id is not null;`);

    this.addSql(`create table "tasks"."task_dependency" ("tenant_id" uuid not null, "dependent_id" uuid not null, "dependency_id" uuid not null, "type" text not null, "created_at" timestamptz(3) not null, "resolved_at" timestamptz(3) null, primary key ("tenant_id", "dependent_id", "dependency_id"));`);
    this.addSql(`create index "task_dependency_dependents_index" on "tasks"."task_dependency" ("tenant_id", "dependency_id", "dependent_id");`);

    this.addSql(`create table "tasks"."duration" ("tenant_id" uuid not null, "type" text not null, "grouping" text not null, "member" text not null, "samples" int not null, "failures" int not null, "p50_ms" double precision null, "p90_ms" double precision null, "p99_ms" double precision null, "complexity_score" double precision null, "window_seconds" int not null, "measured_at" timestamptz(3) not null, primary key ("tenant_id", "type", "grouping", "member"));`);

    this.addSql(`alter table "tasks"."attempt" add constraint "attempt_outcome_check" check (outcome in ('completed', 'failed', 'released', 'expired', 'cancelled', 'deadline_exceeded'));`);
    this.addSql(`alter table "tasks"."attempt" add constraint "attempt_ended_at_check" check ((outcome is null) = (ended_at is null));`);
    this.addSql(`alter table "tasks"."attempt" add constraint "attempt_error_check" check (jsonb_typeof(error) = 'object');`);
    this.addSql(`alter table "tasks"."attempt" add constraint "attempt_usage_check" check (cost_usd >= 0 and input_tokens >= 0 and output_tokens >= 0);`);
    this.addSql(`alter table "tasks"."attempt" enable row level security;`);
    this.addSql(`alter table "tasks"."attempt" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."attempt" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."attempt" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."attempt" for select to "hive_search" using (true);`);

    this.addSql(`alter table "tasks"."concurrency_limit" add constraint "concurrency_limit_key_check" check (length(key) between 1 and 200);`);
    this.addSql(`alter table "tasks"."concurrency_limit" add constraint "concurrency_limit_max_active_check" check (max_active between 0 and 100000);`);
    this.addSql(`alter table "tasks"."concurrency_limit" enable row level security;`);
    this.addSql(`alter table "tasks"."concurrency_limit" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."concurrency_limit" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."concurrency_limit" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."concurrency_limit" for select to "hive_search" using (true);`);

    this.addSql(`alter table "tasks"."graph_lock" enable row level security;`);
    this.addSql(`alter table "tasks"."graph_lock" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."graph_lock" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."graph_lock" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."graph_lock" for select to "hive_search" using (true);`);

    this.addSql(`alter table "tasks"."process" add constraint "process_name_check" check (length(name) between 1 and 200);`);
    this.addSql(`alter table "tasks"."process" add constraint "process_latest_version_check" check (latest_version >= 1);`);
    this.addSql(`alter table "tasks"."process" enable row level security;`);
    this.addSql(`alter table "tasks"."process" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."process" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."process" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."process" for select to "hive_search" using (true);`);

    this.addSql(`alter table "tasks"."process_run" add constraint "process_run_tenant_id_process_id_foreign" foreign key ("tenant_id", "process_id") references "tasks"."process" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "tasks"."process_run" add constraint "process_run_parameters_check" check (jsonb_typeof(parameters) = 'object');`);
    this.addSql(`alter table "tasks"."process_run" add constraint "process_run_step_tasks_check" check (jsonb_typeof(step_tasks) = 'object');`);
    this.addSql(`alter table "tasks"."process_run" add constraint "process_run_trigger_check" check (trigger in ('manual', 'schedule'));`);
    this.addSql(`alter table "tasks"."process_run" enable row level security;`);
    this.addSql(`alter table "tasks"."process_run" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."process_run" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."process_run" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."process_run" for select to "hive_search" using (true);`);

    this.addSql(`alter table "tasks"."process_version" add constraint "process_version_tenant_id_process_id_foreign" foreign key ("tenant_id", "process_id") references "tasks"."process" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "tasks"."process_version" add constraint "process_version_number_check" check (number >= 1);`);
    this.addSql(`alter table "tasks"."process_version" add constraint "process_version_steps_check" check (jsonb_typeof(steps) = 'array');`);
    this.addSql(`alter table "tasks"."process_version" add constraint "process_version_parameters_check" check (jsonb_typeof(parameters) = 'object');`);
    this.addSql(`alter table "tasks"."process_version" add constraint "process_version_requirements_check" check (jsonb_typeof(requirements) = 'object');`);
    this.addSql(`alter table "tasks"."process_version" add constraint "process_version_success_criteria_check" check (jsonb_typeof(success_criteria) = 'object');`);
    this.addSql(`alter table "tasks"."process_version" add constraint "process_version_triggers_check" check (jsonb_typeof(triggers) = 'array');`);
    this.addSql(`alter table "tasks"."process_version" enable row level security;`);
    this.addSql(`alter table "tasks"."process_version" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."process_version" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."process_version" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."process_version" for select to "hive_search" using (true);`);

    this.addSql(`alter table "tasks"."queue" add constraint "queue_name_check" check (length(name) between 1 and 100);`);
    this.addSql(`alter table "tasks"."queue" add constraint "queue_weight_check" check (weight between 1 and 1000);`);
    this.addSql(`alter table "tasks"."queue" add constraint "queue_rate_limit_check" check (rate_limit > 0 and rate_limit <= 1000000);`);
    this.addSql(`alter table "tasks"."queue" add constraint "queue_max_concurrent_check" check (max_concurrent >= 0);`);
    this.addSql(`alter table "tasks"."queue" enable row level security;`);
    this.addSql(`alter table "tasks"."queue" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."queue" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."queue" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."queue" for select to "hive_search" using (true);`);

    this.addSql(`alter table "tasks"."schedule" add constraint "schedule_tenant_id_process_id_foreign" foreign key ("tenant_id", "process_id") references "tasks"."process" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "tasks"."schedule" add constraint "schedule_name_check" check (length(name) between 1 and 200);`);
    this.addSql(`alter table "tasks"."schedule" add constraint "schedule_cron_check" check (length(cron) between 1 and 200);`);
    this.addSql(`alter table "tasks"."schedule" add constraint "schedule_catch_up_check" check (catch_up in ('skip', 'one', 'all'));`);
    this.addSql(`alter table "tasks"."schedule" add constraint "schedule_target_check" check ((process_id is null) <> (task is null));`);
    this.addSql(`alter table "tasks"."schedule" add constraint "schedule_json_check" check (jsonb_typeof(parameters) = 'object' and jsonb_typeof(task) = 'object');`);
    this.addSql(`alter table "tasks"."schedule" enable row level security;`);
    this.addSql(`alter table "tasks"."schedule" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."schedule" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."schedule" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."schedule" for select to "hive_search" using (true);`);

    this.addSql(`alter table "tasks"."task" add constraint "task_tenant_id_parent_id_foreign" foreign key ("tenant_id", "parent_id") references "tasks"."task" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "tasks"."task" add constraint "task_tenant_id_project_id_foreign" foreign key ("tenant_id", "project_id") references "identity"."project" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "tasks"."task" add constraint "task_tenant_id_process_run_id_foreign" foreign key ("tenant_id", "process_run_id") references "tasks"."process_run" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "tasks"."task" add constraint "task_title_check" check (length(title) between 1 and 200);`);
    this.addSql(`alter table "tasks"."task" add constraint "task_type_check" check (length(type) between 1 and 100);`);
    this.addSql(`alter table "tasks"."task" add constraint "task_queue_check" check (length(queue) between 1 and 100);`);
    this.addSql(`alter table "tasks"."task" add constraint "task_status_check" check (status in ('created', 'blocked', 'ready', 'claimed', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'dead'));`);
    this.addSql(`alter table "tasks"."task" add constraint "task_lease_check" check ((status = 'claimed' or status = 'running') = (lease_expires_at is not null));`);
    this.addSql(`alter table "tasks"."task" add constraint "task_held_by_check" check (held_by in ('run_at', 'concurrency_key'));`);
    this.addSql(`alter table "tasks"."task" add constraint "task_risk_check" check (risk in ('low', 'medium', 'high', 'critical'));`);
    this.addSql(`alter table "tasks"."task" add constraint "task_priority_check" check (priority between 0 and 9);`);
    this.addSql(`alter table "tasks"."task" add constraint "task_progress_check" check (progress between 0 and 100);`);
    this.addSql(`alter table "tasks"."task" add constraint "task_attempts_check" check (attempt >= 0 and max_attempts between 1 and 100 and redrive_count >= 0 and backoff_seconds >= 0 and backoff_max_seconds >= 0);`);
    this.addSql(`alter table "tasks"."task" add constraint "task_backoff_kind_check" check (backoff_kind in ('fixed', 'exponential'));`);
    this.addSql(`alter table "tasks"."task" add constraint "task_counts_check" check (open_start_count >= 0 and open_finish_count >= 0 and child_count >= 0 and open_child_count >= 0 and failed_child_count >= 0);`);
    this.addSql(`alter table "tasks"."task" add constraint "task_child_policy_check" check (child_policy in ('ignore', 'all', 'any'));`);
    this.addSql(`alter table "tasks"."task" add constraint "task_on_dependency_failure_check" check (on_dependency_failure in ('cancel', 'keep', 'run'));`);
    this.addSql(`alter table "tasks"."task" add constraint "task_json_check" check (jsonb_typeof(input) = 'object' and jsonb_typeof(task_metadata) = 'object' and jsonb_typeof(error) = 'object' and jsonb_typeof(required_capabilities) = 'array');`);
    this.addSql(`alter table "tasks"."task" add constraint "task_free_json_check" check ((jsonb_typeof(description) = 'string' or jsonb_typeof(description) = 'object') and jsonb_typeof(result) <> 'null');`);
    this.addSql(`alter table "tasks"."task" enable row level security;`);
    this.addSql(`alter table "tasks"."task" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."task" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."task" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."task" for select to "hive_search" using (true);`);

    this.addSql(`alter table "tasks"."assignment" add constraint "assignment_tenant_id_task_id_foreign" foreign key ("tenant_id", "task_id") references "tasks"."task" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "tasks"."assignment" add constraint "assignment_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "tasks"."assignment" add constraint "assignment_candidates_check" check (jsonb_typeof(candidates) = 'array');`);
    this.addSql(`alter table "tasks"."assignment" add constraint "assignment_prediction_check" check (jsonb_typeof(prediction) = 'object');`);
    this.addSql(`alter table "tasks"."assignment" add constraint "assignment_outcome_check" check (outcome in ('completed', 'failed', 'cancelled', 'dead'));`);
    this.addSql(`alter table "tasks"."assignment" enable row level security;`);
    this.addSql(`alter table "tasks"."assignment" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."assignment" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."assignment" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."assignment" for select to "hive_search" using (true);`);

    this.addSql(`alter table "tasks"."task_dependency" add constraint "task_dependency_tenant_id_dependent_id_foreign" foreign key ("tenant_id", "dependent_id") references "tasks"."task" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "tasks"."task_dependency" add constraint "task_dependency_tenant_id_dependency_id_foreign" foreign key ("tenant_id", "dependency_id") references "tasks"."task" ("tenant_id", "id") on update no action on delete cascade;`);
    this.addSql(`alter table "tasks"."task_dependency" add constraint "task_dependency_type_check" check (type in ('finish_to_start', 'start_to_start', 'finish_to_finish', 'start_to_finish'));`);
    this.addSql(`alter table "tasks"."task_dependency" add constraint "task_dependency_self_check" check (dependent_id <> dependency_id);`);
    this.addSql(`alter table "tasks"."task_dependency" enable row level security;`);
    this.addSql(`alter table "tasks"."task_dependency" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."task_dependency" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."task_dependency" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."task_dependency" for select to "hive_search" using (true);`);

    this.addSql(`alter table "tasks"."duration" add constraint "duration_complexity_score_check" check (complexity_score between 0 and 10);`);
    this.addSql(`alter table "tasks"."duration" add constraint "duration_grouping_check" check (grouping in ('type', 'agent', 'capability'));`);
    this.addSql(`alter table "tasks"."duration" add constraint "duration_samples_check" check (samples >= 0 and failures >= 0);`);
    this.addSql(`alter table "tasks"."duration" add constraint "duration_quantiles_check" check (p50_ms >= 0 and p90_ms >= p50_ms and p99_ms >= p90_ms);`);
    this.addSql(`alter table "tasks"."duration" enable row level security;`);
    this.addSql(`alter table "tasks"."duration" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "tasks"."duration" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "tasks"."duration" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "tasks"."duration" for select to "hive_search" using (true);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "tasks"."process_run" drop constraint "process_run_tenant_id_process_id_foreign";`);
    this.addSql(`alter table "tasks"."process_version" drop constraint "process_version_tenant_id_process_id_foreign";`);
    this.addSql(`alter table "tasks"."schedule" drop constraint "schedule_tenant_id_process_id_foreign";`);
    this.addSql(`alter table "tasks"."task" drop constraint "task_tenant_id_process_run_id_foreign";`);
    this.addSql(`alter table "tasks"."task" drop constraint "task_tenant_id_parent_id_foreign";`);
    this.addSql(`alter table "tasks"."assignment" drop constraint "assignment_tenant_id_task_id_foreign";`);
    this.addSql(`alter table "tasks"."task_dependency" drop constraint "task_dependency_tenant_id_dependent_id_foreign";`);
    this.addSql(`alter table "tasks"."task_dependency" drop constraint "task_dependency_tenant_id_dependency_id_foreign";`);

    this.addSql(`drop table if exists "tasks"."attempt" cascade;`);
    this.addSql(`drop table if exists "tasks"."concurrency_limit" cascade;`);
    this.addSql(`drop table if exists "tasks"."graph_lock" cascade;`);
    this.addSql(`drop table if exists "tasks"."process" cascade;`);
    this.addSql(`drop table if exists "tasks"."process_run" cascade;`);
    this.addSql(`drop table if exists "tasks"."process_version" cascade;`);
    this.addSql(`drop table if exists "tasks"."queue" cascade;`);
    this.addSql(`drop table if exists "tasks"."schedule" cascade;`);
    this.addSql(`drop table if exists "tasks"."task" cascade;`);
    this.addSql(`drop table if exists "tasks"."assignment" cascade;`);
    this.addSql(`drop table if exists "tasks"."task_dependency" cascade;`);
    this.addSql(`drop table if exists "tasks"."duration" cascade;`);

  }

}
