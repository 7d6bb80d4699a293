import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { insertEntry } from '../entry.sql.js';
import type { ReviewRuleRow } from './review-rule.dto.js';
import type { RuleSettings } from './review-rule.entity.js';

/** Most rules that a tenant has: each is looked at by every review. */
export const RULES_MAX = 100;

/** The tenant's rules by name, or one of them. By primary key. */
export async function selectRules(db: Sql, name?: string): Promise<ReviewRuleRow[]> {
  const found = await sql<ReviewRuleRow>`
    select * from audit.review_rule where tenant_id = ${currentTenantId()} and ${name === undefined ? sql`true` : sql`name = ${name}`} order by name limit ${RULES_MAX}`.execute(db);
  return found.rows;
}

/**
 * Sets a rule, with its entry. With a version, only a rule that is at it, 0 being one that has no row yet. Undefined when it
 * is at another, or when it would be one too many.
 */
export async function upsertRule(db: Sql, name: string, settings: RuleSettings, version: number | null, now: Date): Promise<ReviewRuleRow | undefined> {
  const tenantId = currentTenantId();
  const entry = insertEntry({ action: 'review_rule.updated', subjectType: 'review_rule', subjectId: name, newState: { ...settings } }, 'written', { previousState: sql`(select to_jsonb(w) - 'tenant_id' from was w)` });
  const written = await sql<ReviewRuleRow>`
    with was as (
      select * from audit.review_rule where tenant_id = ${tenantId} and name = ${name}
    ), written as (
      insert into audit.review_rule as r (tenant_id, name, kind, is_enabled, threshold, window_hours, baseline_days, min_samples, metric_name, created_at, updated_at)
      select ${tenantId}::uuid, ${name}::text, ${settings.kind}::text, ${settings.isEnabled}::boolean, ${settings.threshold}::float8, ${settings.windowHours}::int, ${settings.baselineDays}::int,
             ${settings.minSamples}::int, ${settings.metricName}::text, ${now}::timestamptz, ${now}::timestamptz
       where exists (select from was) or (coalesce(${version}::int, 0) = 0 and (select count(*) from audit.review_rule where tenant_id = ${tenantId}) < ${RULES_MAX})
      on conflict (tenant_id, name) do update
         set kind = excluded.kind, is_enabled = excluded.is_enabled, threshold = excluded.threshold, window_hours = excluded.window_hours, baseline_days = excluded.baseline_days,
             min_samples = excluded.min_samples, metric_name = excluded.metric_name, updated_at = excluded.updated_at, version = r.version + 1
       where ${version}::int is null or r.version = ${version}::int
      returning *
    ), entry as (${entry})
    select * from written`.execute(db);
  return written.rows[0];
}
