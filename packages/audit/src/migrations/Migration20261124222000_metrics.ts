import { Migration } from '@mikro-orm/migrations';

export class Migration20261124222000_metrics extends Migration {

  override name = 'Migration20261124222000_metrics';

  override up(): void | Promise<void> {
    this.addSql(`create table "audit"."metric_day" ("tenant_id" uuid not null, "metric_name" text not null, "day" date not null, "entity_type" text not null, "entity_id" uuid not null, "value_count" bigint not null, "value_sum" double precision not null, "value_min" double precision not null, "value_max" double precision not null, "sketch" jsonb not null, primary key ("tenant_id", "metric_name", "day", "entity_type", "entity_id"));`);
    this.addSql(`create index "metric_day_entity_index" on "audit"."metric_day" ("tenant_id", "entity_id", "metric_name", "day");`);

    this.addSql(`create table "audit"."optimization_suggestion" ("tenant_id" uuid not null, "id" uuid not null, "rule_name" text not null, "category" text not null, "fingerprint" text not null, "description" text not null, "evidence" jsonb not null, "impact_score" double precision not null, "status" text not null default 'open', "status_reason" text null, "implemented_at" timestamptz(3) null, "ended_at" timestamptz(3) null, "effect" jsonb null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "id"));`);
    this.addSql(`create index "optimization_suggestion_status_index" on "audit"."optimization_suggestion" ("tenant_id", "status", "id");`);
    this.addSql(`create index "optimization_suggestion_category_index" on "audit"."optimization_suggestion" ("tenant_id", "category", "id");`);
    this.addSql(`create index "optimization_suggestion_fingerprint_index" on "audit"."optimization_suggestion" ("tenant_id", "fingerprint", "ended_at");`);
    this.addSql(`create unique index "optimization_suggestion_live_unique" on "audit"."optimization_suggestion" ("tenant_id", "fingerprint") where status in ('open', 'accepted', 'implemented');`);

    this.addSql(`create table "audit"."performance_metric" ("tenant_id" uuid not null, "id" uuid not null, "entity_type" text not null, "entity_id" uuid not null, "recorded_at" timestamptz(3) not null, "metric_name" text not null, "metric_value" double precision not null, "context" jsonb null, primary key ("tenant_id", "id")) partition by range ("id");`);
    this.addSql(`create index "performance_metric_name_index" on "audit"."performance_metric" ("tenant_id", "metric_name", "recorded_at");`);
    this.addSql(`create index "performance_metric_entity_index" on "audit"."performance_metric" ("tenant_id", "entity_id", "metric_name", "recorded_at");`);
    this.addSql(`create table "audit"."performance_metric_default" partition of "audit"."performance_metric" default;`);

    this.addSql(`create table "audit"."review_rule" ("tenant_id" uuid not null, "name" text not null, "kind" text not null, "is_enabled" boolean not null, "threshold" double precision not null, "window_hours" int not null, "baseline_days" int null, "min_samples" int not null, "metric_name" text null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null default 1, primary key ("tenant_id", "name"));`);

    this.addSql(`alter table "audit"."metric_day" add constraint "metric_day_value_count_check" check (value_count > 0);`);
    this.addSql(`alter table "audit"."metric_day" add constraint "metric_day_range_check" check (value_min <= value_max);`);
    this.addSql(`alter table "audit"."metric_day" add constraint "metric_day_sketch_check" check (jsonb_typeof(sketch) = 'object');`);
    this.addSql(`alter table "audit"."metric_day" enable row level security;`);
    this.addSql(`alter table "audit"."metric_day" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."metric_day" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."metric_day" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."metric_day" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."optimization_suggestion" add constraint "optimization_suggestion_category_check" check (category in ('reliability', 'performance'));`);
    this.addSql(`alter table "audit"."optimization_suggestion" add constraint "optimization_suggestion_status_check" check (status in ('open', 'accepted', 'rejected', 'implemented', 'verified', 'no_effect'));`);
    this.addSql(`alter table "audit"."optimization_suggestion" add constraint "optimization_suggestion_fingerprint_check" check (length(fingerprint) between 1 and 1000);`);
    this.addSql(`alter table "audit"."optimization_suggestion" add constraint "optimization_suggestion_description_check" check (length(description) between 1 and 2000);`);
    this.addSql(`alter table "audit"."optimization_suggestion" add constraint "optimization_suggestion_status_reason_check" check (length(status_reason) between 1 and 1000);`);
    this.addSql(`alter table "audit"."optimization_suggestion" add constraint "optimization_suggestion_evidence_check" check (jsonb_typeof(evidence) = 'object');`);
    this.addSql(`alter table "audit"."optimization_suggestion" add constraint "optimization_suggestion_effect_check" check (jsonb_typeof(effect) = 'object');`);
    this.addSql(`alter table "audit"."optimization_suggestion" add constraint "optimization_suggestion_measured_check" check ((effect is not null) = (status = 'verified' or status = 'no_effect'));`);
    this.addSql(`alter table "audit"."optimization_suggestion" add constraint "optimization_suggestion_impact_score_check" check (impact_score between 0 and 1);`);
    this.addSql(`alter table "audit"."optimization_suggestion" add constraint "optimization_suggestion_ended_at_check" check ((ended_at is null) = (status = 'open' or status = 'accepted' or status = 'implemented'));`);
    this.addSql(`alter table "audit"."optimization_suggestion" enable row level security;`);
    this.addSql(`alter table "audit"."optimization_suggestion" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."optimization_suggestion" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."optimization_suggestion" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."optimization_suggestion" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."performance_metric" add constraint "performance_metric_entity_type_check" check (length(entity_type) between 1 and 50);`);
    this.addSql(`alter table "audit"."performance_metric" add constraint "performance_metric_metric_name_check" check (length(metric_name) between 1 and 100);`);
    this.addSql(`alter table "audit"."performance_metric" add constraint "performance_metric_metric_value_check" check (metric_value between -1e100 and 1e100);`);
    this.addSql(`alter table "audit"."performance_metric" add constraint "performance_metric_context_check" check (jsonb_typeof(context) = 'object');`);
    this.addSql(`alter table "audit"."performance_metric" enable row level security;`);
    this.addSql(`alter table "audit"."performance_metric" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."performance_metric" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."performance_metric" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."performance_metric" for select to "hive_search" using (true);`);

    this.addSql(`alter table "audit"."review_rule" add constraint "review_rule_name_check" check (length(name) between 1 and 100);`);
    this.addSql(`alter table "audit"."review_rule" add constraint "review_rule_kind_check" check (kind in ('repeated_errors', 'above_baseline'));`);
    this.addSql(`alter table "audit"."review_rule" add constraint "review_rule_threshold_check" check (threshold > 0 and threshold <= 1000000000);`);
    this.addSql(`alter table "audit"."review_rule" add constraint "review_rule_window_hours_check" check (window_hours between 1 and 168);`);
    this.addSql(`alter table "audit"."review_rule" add constraint "review_rule_baseline_days_check" check (baseline_days between 1 and 28);`);
    this.addSql(`alter table "audit"."review_rule" add constraint "review_rule_baseline_kind_check" check ((baseline_days is not null) = (kind = 'above_baseline'));`);
    this.addSql(`alter table "audit"."review_rule" add constraint "review_rule_min_samples_check" check (min_samples between 1 and 1000000);`);
    this.addSql(`alter table "audit"."review_rule" add constraint "review_rule_metric_name_check" check (length(metric_name) between 1 and 100);`);
    this.addSql(`alter table "audit"."review_rule" add constraint "review_rule_metric_kind_check" check (metric_name is null or kind = 'above_baseline');`);
    this.addSql(`alter table "audit"."review_rule" enable row level security;`);
    this.addSql(`alter table "audit"."review_rule" force row level security;`);
    this.addSql(`create policy "tenant_isolation" on "audit"."review_rule" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`);
    this.addSql(`create policy "ops_all" on "audit"."review_rule" to "hive_ops" using (true) with check (true);`);
    this.addSql(`create policy "search_read" on "audit"."review_rule" for select to "hive_search" using (true);`);

    // The default partition only served to declare the table: with one, an ordered read merges all months.
    this.addSql(`drop table "audit"."performance_metric_default";`);
    this.addSql(`select kernel.ensure_months('audit.performance_metric', now(), 3);`);
    // Values leave for their day when they are rolled up; until then they stay as they were measured.
    this.addSql(`revoke update, truncate on "audit"."performance_metric" from hive_app, hive_ops;`);
    this.addSql(`
      create function audit.merge_sketches(one jsonb, other jsonb) returns jsonb language sql immutable strict parallel safe set search_path = pg_catalog as $$
        select jsonb_object_agg(b.key, b.count)
          from (select e.key, sum(e.value::bigint) as count from (select * from jsonb_each_text(one) union all select * from jsonb_each_text(other)) e group by e.key) b
      $$;`);
    this.addSql(`revoke all on function audit.merge_sketches(jsonb, jsonb) from public;`);
    this.addSql(`grant execute on function audit.merge_sketches(jsonb, jsonb) to hive_app, hive_ops;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop function if exists audit.merge_sketches(jsonb, jsonb);`);
    this.addSql(`drop table if exists "audit"."metric_day" cascade;`);
    this.addSql(`drop table if exists "audit"."optimization_suggestion" cascade;`);
    this.addSql(`drop table if exists "audit"."performance_metric" cascade;`);
    this.addSql(`drop table if exists "audit"."review_rule" cascade;`);
  }

}
