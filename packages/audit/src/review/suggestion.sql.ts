import { currentTenantId, idFloor, newId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { insertEntryPerRow } from '../entry.sql.js';
import type { Effect, Evidence } from './evidence.js';
import type { SuggestionQuery, SuggestionRow } from './suggestion.dto.js';
import { LIVE_STATUSES, type SuggestionCategory, type SuggestionStatus } from './suggestion.entity.js';
import type { WorkWindow } from './work.js';

/** One suggestion by primary key. */
export async function selectSuggestion(db: Sql, id: string): Promise<SuggestionRow | undefined> {
  const found = await sql<SuggestionRow>`select * from audit.optimization_suggestion where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db);
  return found.rows[0];
}

function conditions({ status, category }: Pick<SuggestionQuery, 'status' | 'category'>): RawBuilder<unknown> {
  const all = [sql`tenant_id = ${currentTenantId()}`];
  if (status !== undefined) all.push(sql`status = ${status}`);
  if (category !== undefined) all.push(sql`category = ${category}`);
  return sql.join(all, sql` and `);
}

/** A page newest first, with one row more than the page holds. By optimization_suggestion_status_index or _category_index, else by primary key. */
export async function selectSuggestions(db: Sql, query: SuggestionQuery, before: string | undefined): Promise<SuggestionRow[]> {
  const keyset = before === undefined ? conditions(query) : sql`${conditions(query)} and id < ${before}::uuid`;
  const found = await sql<SuggestionRow>`select * from audit.optimization_suggestion where ${keyset} order by id desc limit ${query.limit + 1}`.execute(db);
  return found.rows;
}

/** How many suggestions match, whatever the page. */
export async function countSuggestions(db: Sql, query: SuggestionQuery): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from audit.optimization_suggestion where ${conditions(query)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** What a rule found. */
export interface Finding {
  ruleName: string;
  category: SuggestionCategory;
  fingerprint: string;
  description: string;
  evidence: Evidence;
  impactScore: number;
}

/**
 * Opens a suggestion for each finding, with its entry, unless one of the same fingerprint is live, or ended after the window
 * had begun: what was rejected or repaired is looked at anew, by what has happened since. Returns how many.
 */
export async function insertSuggestions(db: Sql, findings: readonly Finding[], now: Date): Promise<number> {
  const tenantId = currentTenantId();
  const items = JSON.stringify(findings.map((finding) => ({ id: newId(), entryId: newId(), since: finding.evidence.observed.from, ...finding })));
  const entry = insertEntryPerRow(
    {
      subjectType: 'optimization_suggestion', action: sql`'optimization_suggestion.created'`, id: sql`i."entryId"`, subjectId: sql`w.id::text`, occurredAt: now,
      newState: sql`jsonb_build_object('ruleName', i."ruleName", 'category', i.category, 'fingerprint', i.fingerprint, 'description', i.description, 'evidence', i.evidence, 'impactScore', i."impactScore", 'status', 'open')`,
    },
    sql`written w join item i on i.id = w.id`,
  );
  const made = await sql<{ count: number }>`
    with item as materialized (
      select * from json_to_recordset(${items}::json) as i(id uuid, "entryId" uuid, since timestamptz, "ruleName" text, category text, fingerprint text, description text, evidence jsonb, "impactScore" float8)
    ), written as (
      insert into audit.optimization_suggestion (tenant_id, id, rule_name, category, fingerprint, description, evidence, impact_score, created_at, updated_at)
      select ${tenantId}::uuid, i.id, i."ruleName", i.category, i.fingerprint, i.description, i.evidence, i."impactScore", ${now}::timestamptz, ${now}::timestamptz
        from item i
       where not exists (select from audit.optimization_suggestion s where s.tenant_id = ${tenantId} and s.fingerprint = i.fingerprint and s.ended_at > i.since)
       order by i.fingerprint
      on conflict (tenant_id, fingerprint) where status in (${sql.join(LIVE_STATUSES.map((status) => sql.lit(status)))}) do nothing
      returning id
    ), entry as (${entry})
    select count(*)::int as count from written`.execute(db);
  return made.rows[0]!.count;
}

/** Implemented suggestions whose window has passed since, the oldest. By optimization_suggestion_status_index, or that of the live ones. */
export async function selectUnmeasured(db: Sql, now: Date, after: string | undefined, limit: number): Promise<SuggestionRow[]> {
  const found = await sql<SuggestionRow>`
    select * from audit.optimization_suggestion
     where tenant_id = ${currentTenantId()} and status = 'implemented' and id > ${after ?? idFloor(new Date(0))}::uuid
       and implemented_at + (evidence->>'windowHours')::int * interval '1 hour' <= ${now}
     order by id limit ${limit}`.execute(db);
  return found.rows;
}

/** Stores what an implemented suggestion has brought, with its entry; false when somebody was faster. */
export async function storeEffect(db: Sql, id: string, status: Extract<SuggestionStatus, 'verified' | 'no_effect'>, effect: Effect, now: Date): Promise<boolean> {
  const entry = insertEntryPerRow(
    {
      subjectType: 'optimization_suggestion', action: sql`'optimization_suggestion.measured'`, id: sql`${newId()}::uuid`, subjectId: sql`w.id::text`, occurredAt: now,
      previousState: sql`jsonb_build_object('status', 'implemented')`, newState: sql`jsonb_build_object('status', w.status, 'effect', w.effect)`,
    },
    sql`written w`,
  );
  const stored = await sql<{ count: number }>`
    with written as (
      update audit.optimization_suggestion set status = ${status}, effect = ${JSON.stringify(effect)}::jsonb, ended_at = ${now}, updated_at = ${now}, version = version + 1
       where tenant_id = ${currentTenantId()} and id = ${id} and status = 'implemented' returning id, status, effect
    ), entry as (${entry})
    select count(*)::int as count from written`.execute(db);
  return stored.rows[0]!.count > 0;
}

/** Ids of the newest entries about some subjects within a window. By entry_subject_index. */
export async function selectEntryIds(db: Sql, subjectType: string, subjectIds: readonly string[], { from, to }: WorkWindow, limit: number): Promise<string[]> {
  const found = await sql<{ id: string }>`
    select id from audit.entry where tenant_id = ${currentTenantId()} and subject_type = ${subjectType} and subject_id = any (${[...subjectIds]}::text[])
       and id >= ${idFloor(from)}::uuid and id < ${idFloor(to)}::uuid order by id desc limit ${limit}`.execute(db);
  return found.rows.map(({ id }) => id);
}
