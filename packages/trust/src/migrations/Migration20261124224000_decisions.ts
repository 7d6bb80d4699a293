import { Migration } from '@mikro-orm/migrations';

export class Migration20261124224000_decisions extends Migration {

  override name = 'Migration20261124224000_decisions';

  override up(): void | Promise<void> {
    this.addSql(`create table "trust"."emergency_stop" ("tenant_id" uuid not null, "id" uuid not null, "reason" text not null, "cancelled_approvals" int not null, "started_by_name" text not null, "is_running" boolean null, "lifted_at" timestamptz(3) null, "lifted_by_name" text null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`alter table "trust"."emergency_stop" add constraint "emergency_stop_running_unique" unique ("tenant_id", "is_running");`);

    this.addSql(`create table "trust"."override" ("tenant_id" uuid not null, "id" uuid not null, "agent_id" uuid not null, "action_class" text not null, "level" smallint not null, "reason" text not null, "expires_at" timestamptz(3) not null, "ended_at" timestamptz(3) null, "end_reason" text null, "created_by_name" text not null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "override_agent_index" on "trust"."override" ("tenant_id", "agent_id", "id");`);

    this.addSql(`create table "trust"."level_change" ("tenant_id" uuid not null, "id" uuid not null, "agent_id" uuid not null, "action_class" text not null, "kind" text not null, "from_level" smallint not null, "to_level" smallint not null, "reason" text not null, "evidence" jsonb not null, "policy_version" int not null, "decided_by_type" text not null, "decided_by_id" uuid null, "decided_by_name" text not null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "level_change_agent_index" on "trust"."level_change" ("tenant_id", "agent_id", "id");`);

    this.addSql(`create table "trust"."judged_day" ("tenant_id" uuid not null, "agent_id" uuid not null, "action_class" text not null, "day" date not null, "judged_count" int not null, "approved_count" int not null, primary key ("tenant_id", "agent_id", "action_class", "day"));`);

    this.addSql(`create table "trust"."incident" ("tenant_id" uuid not null, "id" uuid not null, "agent_id" uuid not null, "severity" text not null, "description" text not null, "reported_by_name" text not null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "incident_agent_index" on "trust"."incident" ("tenant_id", "agent_id", "id");`);

    this.addSql(`create table "trust"."freeze" ("tenant_id" uuid not null, "id" uuid not null, "agent_id" uuid not null, "reason" text not null, "expires_at" timestamptz(3) null, "lifted_at" timestamptz(3) null, "lifted_by_name" text null, "created_by_name" text not null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "freeze_agent_index" on "trust"."freeze" ("tenant_id", "agent_id", "id");`);

    this.addSql(`create table "trust"."standing" ("tenant_id" uuid not null, "agent_id" uuid not null, "action_class" text not null, "level" smallint not null, "override_level" smallint null, "override_expires_at" timestamptz(3) null, "override_id" uuid null, "judgements" jsonb not null, "judged_since_change" int not null, "judged_count" int not null, "approved_count" int not null, "changed_at" timestamptz(3) not null, "active_at" timestamptz(3) not null, primary key ("tenant_id", "agent_id", "action_class"));`);
    this.addSql(`create index "standing_override_index" on "trust"."standing" ("tenant_id", "override_expires_at") where override_expires_at is not null;`);
    this.addSql(`create index "standing_activity_index" on "trust"."standing" ("tenant_id", "active_at") where level > 0;`);

    this.addSql(`create table "trust"."trust_policy" ("tenant_id" uuid not null, "version" int not null, "name" text not null, "thresholds" jsonb not null, "created_by_name" text not null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "version"));`);

    this.addSql(`create table "trust"."trust_metric" ("tenant_id" uuid not null, "id" uuid not null, "agent_id" uuid not null, "session_id" uuid null, "action_class" text not null, "metric_type" text not null, "metric_value" numeric(5,2) not null, "samples" int not null, "is_daily" boolean not null, "measurement_context" jsonb null, "recorded_at" timestamptz(3) not null, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "trust_metric_agent_index" on "trust"."trust_metric" ("tenant_id", "agent_id", "recorded_at" desc, "id" desc);`);
    this.addSql(`create index "trust_metric_type_index" on "trust"."trust_metric" ("tenant_id", "agent_id", "metric_type", "recorded_at" desc, "id" desc);`);
    this.addSql(`create index "trust_metric_session_index" on "trust"."trust_metric" ("tenant_id", "session_id") where session_id is not null;`);
    this.addSql(`create index "trust_metric_raw_index" on "trust"."trust_metric" ("tenant_id", "recorded_at") where not is_daily;`);
    this.addSql(`create unique index "trust_metric_daily_unique" on "trust"."trust_metric" ("tenant_id", "agent_id", "action_class", "metric_type", "recorded_at") where is_daily;`);

    this.addSql(`create table "trust"."decision" ("tenant_id" uuid not null, "id" uuid not null, "session_id" uuid not null, "agent_id" uuid not null, "decision_type" text not null, "risk" text not null, "input_context" jsonb not null, "decision_rationale" text null, "action_taken" jsonb not null, "confidence_score" numeric(3,2) null, "execution_time_ms" int null, "outcome" text not null, "outcome_reason" text not null, "trust_level" smallint not null, "interaction_id" uuid null, "user_feedback" text not null default 'pending', "feedback_comment" text null, "feedback_by_id" uuid null, "feedback_by_name" text null, "feedback_at" timestamptz(3) null, "created_at" timestamptz(3) not null, primary key ("tenant_id", "id")) partition by range ("id");`);
    this.addSql(`comment on column "trust"."decision"."decision_rationale" is 'sensitive: the record keeps a digest only';`);
    this.addSql(`create index "decision_session_index" on "trust"."decision" ("tenant_id", "session_id", "id");`);
    this.addSql(`create index "decision_agent_index" on "trust"."decision" ("tenant_id", "agent_id", "id");`);
    this.addSql(`create index "decision_type_index" on "trust"."decision" ("tenant_id", "agent_id", "decision_type", "id");`);
    this.addSql(`create index "decision_feedback_index" on "trust"."decision" ("tenant_id", "agent_id", "user_feedback", "id");`);
    this.addSql(`create index "decision_feedback_by_index" on "trust"."decision" ("tenant_id", "feedback_by_id", "id") where feedback_by_id is not null;`);
    this.addSql(`create table "trust"."decision_default" partition of "trust"."decision" default;`);

    this.addSql(`create index "interaction_action_index" on "trust"."interaction" ("tenant_id", "agent_id", "action_digest", "id") where action_digest is not null and agent_id is not null;`);

    this.addSql(`alter table "trust"."emergency_stop" add constraint "emergency_stop_reason_check" check (length(reason) between 1 and 1000);`);
    this.addSql(`alter table "trust"."emergency_stop" add constraint "emergency_stop_lifted_at_check" check ((lifted_at is null) = (lifted_by_name is null));`);
    this.addSql(`alter table "trust"."emergency_stop" add constraint "emergency_stop_is_running_check" check ((is_running is true) = (lifted_at is null) and is_running is not false);`);
    this.addSql(`alter table "trust"."emergency_stop" add constraint "emergency_stop_cancelled_approvals_check" check (cancelled_approvals >= 0);`);
    this.addSql(`alter table "trust"."emergency_stop" enable row level security;`);
    this.addSql(`alter table "trust"."emergency_stop" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "trust"."emergency_stop" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "trust"."emergency_stop" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "trust"."emergency_stop" for select to "hive_search" using (true);`);

    this.addSql(`alter table "trust"."override" add constraint "override_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "trust"."override" add constraint "override_level_check" check (level between 0 and 4);`);
    this.addSql(`alter table "trust"."override" add constraint "override_action_class_check" check (length(action_class) between 1 and 100);`);
    this.addSql(`alter table "trust"."override" add constraint "override_reason_check" check (length(reason) between 1 and 1000);`);
    this.addSql(`alter table "trust"."override" add constraint "override_expires_at_check" check (expires_at > created_at);`);
    this.addSql(`alter table "trust"."override" add constraint "override_ended_at_check" check ((ended_at is null) = (end_reason is null));`);
    this.addSql(`alter table "trust"."override" enable row level security;`);
    this.addSql(`alter table "trust"."override" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "trust"."override" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "trust"."override" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "trust"."override" for select to "hive_search" using (true);`);

    this.addSql(`alter table "trust"."level_change" add constraint "level_change_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "trust"."level_change" add constraint "level_change_kind_check" check (kind in ('promotion', 'demotion', 'inactivity', 'incident', 'override', 'override_lifted', 'override_expired'));`);
    this.addSql(`alter table "trust"."level_change" add constraint "level_change_levels_check" check (from_level between 0 and 4 and to_level between 0 and 4);`);
    this.addSql(`alter table "trust"."level_change" add constraint "level_change_evidence_check" check (jsonb_typeof(evidence) = 'object');`);
    this.addSql(`alter table "trust"."level_change" add constraint "level_change_policy_version_check" check (policy_version >= 0);`);
    this.addSql(`alter table "trust"."level_change" enable row level security;`);
    this.addSql(`alter table "trust"."level_change" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "trust"."level_change" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "trust"."level_change" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "trust"."level_change" for select to "hive_search" using (true);`);

    this.addSql(`alter table "trust"."judged_day" add constraint "judged_day_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "trust"."judged_day" add constraint "judged_day_counts_check" check (approved_count >= 0 and judged_count >= approved_count);`);
    this.addSql(`alter table "trust"."judged_day" enable row level security;`);
    this.addSql(`alter table "trust"."judged_day" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "trust"."judged_day" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "trust"."judged_day" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "trust"."judged_day" for select to "hive_search" using (true);`);

    this.addSql(`alter table "trust"."incident" add constraint "incident_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "trust"."incident" add constraint "incident_severity_check" check (severity in ('low', 'medium', 'high', 'critical'));`);
    this.addSql(`alter table "trust"."incident" add constraint "incident_description_check" check (length(description) between 1 and 5000);`);
    this.addSql(`alter table "trust"."incident" enable row level security;`);
    this.addSql(`alter table "trust"."incident" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "trust"."incident" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "trust"."incident" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "trust"."incident" for select to "hive_search" using (true);`);

    this.addSql(`alter table "trust"."freeze" add constraint "freeze_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "trust"."freeze" add constraint "freeze_reason_check" check (length(reason) between 1 and 1000);`);
    this.addSql(`alter table "trust"."freeze" add constraint "freeze_expires_at_check" check (expires_at > created_at);`);
    this.addSql(`alter table "trust"."freeze" add constraint "freeze_lifted_at_check" check ((lifted_at is null) = (lifted_by_name is null));`);
    this.addSql(`alter table "trust"."freeze" enable row level security;`);
    this.addSql(`alter table "trust"."freeze" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "trust"."freeze" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "trust"."freeze" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "trust"."freeze" for select to "hive_search" using (true);`);

    this.addSql(`alter table "trust"."standing" add constraint "standing_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "trust"."standing" add constraint "standing_action_class_check" check (length(action_class) between 1 and 100);`);
    this.addSql(`alter table "trust"."standing" add constraint "standing_level_check" check (level between 0 and 4);`);
    this.addSql(`alter table "trust"."standing" add constraint "standing_any_class_check" check (action_class <> '*' or level = 0);`);
    this.addSql(`alter table "trust"."standing" add constraint "standing_override_level_check" check (override_level between 0 and 4);`);
    this.addSql(`alter table "trust"."standing" add constraint "standing_override_check" check ((override_level is null) = (override_expires_at is null) and (override_level is null) = (override_id is null));`);
    this.addSql(`alter table "trust"."standing" add constraint "standing_judgements_check" check (jsonb_typeof(judgements) = 'array');`);
    this.addSql(`alter table "trust"."standing" add constraint "standing_counts_check" check (judged_since_change >= 0 and judged_count >= approved_count and approved_count >= 0);`);
    this.addSql(`alter table "trust"."standing" enable row level security;`);
    this.addSql(`alter table "trust"."standing" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "trust"."standing" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "trust"."standing" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "trust"."standing" for select to "hive_search" using (true);`);

    this.addSql(`alter table "trust"."trust_policy" add constraint "trust_policy_version_check" check (version >= 1);`);
    this.addSql(`alter table "trust"."trust_policy" add constraint "trust_policy_name_check" check (length(name) between 1 and 100);`);
    this.addSql(`alter table "trust"."trust_policy" add constraint "trust_policy_thresholds_check" check (jsonb_typeof(thresholds) = 'object');`);
    this.addSql(`alter table "trust"."trust_policy" enable row level security;`);
    this.addSql(`alter table "trust"."trust_policy" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "trust"."trust_policy" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "trust"."trust_policy" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "trust"."trust_policy" for select to "hive_search" using (true);`);

    this.addSql(`alter table "trust"."trust_metric" add constraint "trust_metric_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "trust"."trust_metric" add constraint "trust_metric_tenant_id_session_id_foreign" foreign key ("tenant_id", "session_id") references "agents"."session" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "trust"."trust_metric" add constraint "trust_metric_metric_type_check" check (metric_type in ('accuracy', 'autonomy', 'reliability', 'efficiency', 'complexity'));`);
    this.addSql(`alter table "trust"."trust_metric" add constraint "trust_metric_metric_value_check" check (metric_value >= 0 and metric_value <= case when metric_type = 'accuracy' then 100 when metric_type = 'autonomy' then 100 when metric_type = 'reliability' then 100 when metric_type = 'efficiency' then 100 when metric_type = 'complexity' then 10 end);`);
    this.addSql(`alter table "trust"."trust_metric" add constraint "trust_metric_action_class_check" check (length(action_class) between 1 and 100);`);
    this.addSql(`alter table "trust"."trust_metric" add constraint "trust_metric_samples_check" check (samples >= 1 and (is_daily or samples = 1));`);
    this.addSql(`alter table "trust"."trust_metric" add constraint "trust_metric_measurement_context_check" check (jsonb_typeof(measurement_context) = 'object');`);
    this.addSql(`alter table "trust"."trust_metric" enable row level security;`);
    this.addSql(`alter table "trust"."trust_metric" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "trust"."trust_metric" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "trust"."trust_metric" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "trust"."trust_metric" for select to "hive_search" using (true);`);

    this.addSql(`alter table "trust"."decision" add constraint "decision_tenant_id_session_id_foreign" foreign key ("tenant_id", "session_id") references "agents"."session" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "trust"."decision" add constraint "decision_tenant_id_agent_id_foreign" foreign key ("tenant_id", "agent_id") references "agents"."agent" ("tenant_id", "id") on update no action on delete restrict;`);
    this.addSql(`alter table "trust"."decision" add constraint "decision_decision_type_check" check (decision_type in ('code_generation', 'review', 'test', 'refactor', 'design', 'documentation', 'security_check', 'planning', 'tool_use', 'other'));`);
    this.addSql(`alter table "trust"."decision" add constraint "decision_risk_check" check (risk in ('low', 'medium', 'high', 'critical'));`);
    this.addSql(`alter table "trust"."decision" add constraint "decision_input_context_check" check (jsonb_typeof(input_context) = 'object');`);
    this.addSql(`alter table "trust"."decision" add constraint "decision_action_taken_check" check (jsonb_typeof(action_taken) = 'object');`);
    this.addSql(`alter table "trust"."decision" add constraint "decision_confidence_score_check" check (confidence_score between 0 and 1);`);
    this.addSql(`alter table "trust"."decision" add constraint "decision_execution_time_ms_check" check (execution_time_ms >= 0);`);
    this.addSql(`alter table "trust"."decision" add constraint "decision_outcome_check" check (outcome in ('allowed', 'needs_approval', 'refused'));`);
    this.addSql(`alter table "trust"."decision" add constraint "decision_trust_level_check" check (trust_level between 0 and 4);`);
    this.addSql(`alter table "trust"."decision" add constraint "decision_user_feedback_check" check (user_feedback in ('pending', 'approved', 'rejected', 'modified'));`);
    this.addSql(`alter table "trust"."decision" add constraint "decision_feedback_at_check" check ((feedback_at is null) = (user_feedback = 'pending'));`);
    this.addSql(`alter table "trust"."decision" enable row level security;`);
    this.addSql(`alter table "trust"."decision" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "trust"."decision" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "trust"."decision" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "trust"."decision" for select to "hive_search" using (true);`);

    // The default partition only served to declare the table: with one, an ordered read merges all months.
    this.addSql(`drop table "trust"."decision_default";`);
    this.addSql(`select kernel.ensure_months('trust.decision', now(), 3);`);
    // What was decided about trust is only added to.
    this.addSql(`revoke update, truncate on "trust"."level_change", "trust"."trust_policy", "trust"."incident" from hive_app, hive_ops;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "trust"."emergency_stop" cascade;`);
    this.addSql(`drop table if exists "trust"."override" cascade;`);
    this.addSql(`drop table if exists "trust"."level_change" cascade;`);
    this.addSql(`drop table if exists "trust"."judged_day" cascade;`);
    this.addSql(`drop table if exists "trust"."incident" cascade;`);
    this.addSql(`drop table if exists "trust"."freeze" cascade;`);
    this.addSql(`drop table if exists "trust"."standing" cascade;`);
    this.addSql(`drop table if exists "trust"."trust_policy" cascade;`);
    this.addSql(`drop table if exists "trust"."trust_metric" cascade;`);
    this.addSql(`drop table if exists "trust"."decision" cascade;`);

    this.addSql(`drop index "trust"."interaction_action_index";`);
  }

}
