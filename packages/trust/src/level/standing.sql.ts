import { insertEntryPerRow } from '@agent-hive/audit';
import { currentTenantId, newId, requireContext, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { ANY_CLASS, type Levels } from '../gate/gate.js';
import { levelsOf } from '../gate/gate.sql.js';
import type { Policy } from '../policy/thresholds.js';
import { policyInForce, policyOf, type PolicyInForceRow } from '../policy/trust-policy.sql.js';
import type { ChangeKind } from './level-change.entity.js';
import type { DayCount, Judgement } from './evaluation.js';

/** A standing as SQL returns it. */
export interface StandingRow {
  action_class: string;
  level: number;
  override_level: number | null;
  override_expires_at: Date | string | null;
  override_id: string | null;
  judgements: Judgement[];
  judged_since_change: number;
  judged_count: number;
  approved_count: number;
  changed_at: Date | string;
  active_at: Date | string;
}

const COLUMNS = sql`s.action_class, s.level, s.override_level, s.override_expires_at, s.override_id, s.judgements, s.judged_since_change, s.judged_count, s.approved_count, s.changed_at, s.active_at`;

/** The override of a row that is in force at a moment. */
export const overrideOf = (row: Pick<StandingRow, 'override_level' | 'override_expires_at'> | undefined, now: Date): number | null =>
  row && row.override_expires_at !== null && new Date(row.override_expires_at) > now ? row.override_level : null;

/** The level in force at a moment: the class's own override, that of every class, or what was earned. levelsOf() says the same in SQL. */
export const inForce = (row: StandingRow, wildcard: StandingRow | undefined, now: Date): number => overrideOf(row, now) ?? overrideOf(wildcard, now) ?? row.level;

/** The standings of an agent. By primary key. */
export async function selectStandings(db: Sql, agentId: string): Promise<StandingRow[]> {
  const found = await sql<StandingRow>`select ${COLUMNS} from trust.standing s where s.tenant_id = ${currentTenantId()} and s.agent_id = ${agentId} order by s.action_class`.execute(db);
  return found.rows;
}

/** An agent's levels in force, by class. By primary key. */
export async function selectLevels(db: Sql, agentId: string, now: Date): Promise<Levels> {
  const found = await sql<{ levels: Levels | null }>`select ${levelsOf(sql`${agentId}::uuid`, now)} as levels`.execute(db);
  return found.rows[0]!.levels ?? {};
}

/** The standings of an agent, which nobody changes until the transaction ends. By primary key. */
export async function lockStandings(db: Sql, agentId: string): Promise<StandingRow[]> {
  const found = await sql<StandingRow>`
    select ${COLUMNS} from trust.standing s where s.tenant_id = ${currentTenantId()} and s.agent_id = ${agentId} order by s.action_class for no key update`.execute(db);
  return found.rows;
}

/** The same of one class, which is made where there is none yet, and of every class. Breaks a foreign key where there is no such agent. */
export async function lockStanding(db: Sql, agentId: string, actionClass: string, now: Date): Promise<{ row: StandingRow; wildcard: StandingRow | undefined }> {
  const tenantId = currentTenantId();
  await sql`
    insert into trust.standing (tenant_id, agent_id, action_class, level, judgements, judged_since_change, judged_count, approved_count, changed_at, active_at)
    values (${tenantId}, ${agentId}, ${actionClass}, 0, '[]', 0, 0, 0, ${now}, ${now}) on conflict do nothing`.execute(db);
  const found = await sql<StandingRow>`
    select ${COLUMNS} from trust.standing s
     where s.tenant_id = ${tenantId} and s.agent_id = ${agentId} and s.action_class = any (${[...new Set([actionClass, ANY_CLASS])]}::text[]) order by s.action_class for no key update`.execute(db);
  const of = (name: string) => found.rows.find((row) => row.action_class === name);
  return { row: of(actionClass)!, wildcard: actionClass === ANY_CLASS ? undefined : of(ANY_CLASS) };
}

/** Writes a locked standing. The change of its level has its own row and entry; the judgement, that of its decision. By primary key. */
export async function updateStanding(db: Sql, agentId: string, row: StandingRow): Promise<void> {
  await sql`
    update trust.standing s
       set level = ${row.level}, override_level = ${row.override_level}, override_expires_at = ${row.override_expires_at}, override_id = ${row.override_id}, judgements = ${JSON.stringify(row.judgements)}::jsonb,
           judged_since_change = ${row.judged_since_change}, judged_count = ${row.judged_count}, approved_count = ${row.approved_count}, changed_at = ${row.changed_at}, active_at = ${row.active_at}
     where s.tenant_id = ${currentTenantId()} and s.agent_id = ${agentId} and s.action_class = ${row.action_class}`.execute(db);
}

/** Counts a judged decision into its day (UTC). */
export async function countJudged(db: Sql, agentId: string, actionClass: string, isApproved: boolean, now: Date): Promise<void> {
  const approved = Number(isApproved);
  await sql`
    insert into trust.judged_day as d (tenant_id, agent_id, action_class, day, judged_count, approved_count)
    values (${currentTenantId()}, ${agentId}, ${actionClass}, (${now}::timestamptz at time zone 'UTC')::date, 1, ${approved})
    on conflict (tenant_id, agent_id, action_class, day) do update set judged_count = d.judged_count + 1, approved_count = d.approved_count + ${approved}`.execute(db);
}

/** Judged decisions of the last days, today's among them. By primary key. */
export async function sumJudged(db: Sql, agentId: string, actionClass: string, days: number, now: Date): Promise<DayCount> {
  const found = await sql<{ judged: string; approved: string }>`
    select coalesce(sum(judged_count), 0) as judged, coalesce(sum(approved_count), 0) as approved from trust.judged_day
     where tenant_id = ${currentTenantId()} and agent_id = ${agentId} and action_class = ${actionClass} and day > (${now}::timestamptz at time zone 'UTC')::date - ${days}::int`.execute(db);
  const [row] = found.rows;
  return { judged: Number(row!.judged), approved: Number(row!.approved) };
}

/** By what an agent is judged: the policy in force, and whether its levels may rise. */
export interface Grounds {
  policy: Policy;
  isFrozen: boolean;
}

/** The grounds for an agent at a moment. By trust_policy_pkey and freeze_agent_index. */
export async function selectGrounds(db: Sql, agentId: string, now: Date): Promise<Grounds> {
  const found = await sql<PolicyInForceRow & { is_frozen: boolean }>`
    select p.version, p.name, p.thresholds,
           exists (select from trust.freeze f where f.tenant_id = ${currentTenantId()} and f.agent_id = ${agentId} and f.lifted_at is null and (f.expires_at is null or f.expires_at > ${now})) as is_frozen
      from (select 1) one left join lateral (${policyInForce()}) p on true`.execute(db);
  const [row] = found.rows;
  return { isFrozen: row!.is_frozen, policy: policyOf(row) };
}

/** A change of a level, to be written down. */
export interface NewLevelChange {
  agentId: string;
  actionClass: string;
  kind: ChangeKind;
  from: number;
  to: number;
  reason: string;
  evidence: object;
  policyVersion: number;
}

/** Writes changes of levels with an entry of the record each, in one statement. */
export async function insertLevelChanges(db: Sql, changes: readonly NewLevelChange[], now: Date): Promise<void> {
  if (changes.length === 0) return;
  const { actor } = requireContext().principal;
  const rows = JSON.stringify(changes.map((change) => ({ ...change, id: newId(), entryId: newId() })));
  const entry = insertEntryPerRow(
    {
      subjectType: 'agent', action: sql`'trust.level_changed'`, id: sql`c."entryId"`, subjectId: sql`c."agentId"::text`, agentId: sql`c."agentId"`, occurredAt: now,
      previousState: sql`jsonb_build_object('actionClass', c."actionClass", 'level', 'L' || c."from")`,
      newState: sql`jsonb_build_object('actionClass', c."actionClass", 'level', 'L' || c."to", 'kind', c.kind, 'reason', c.reason, 'evidence', c.evidence, 'policyVersion', c."policyVersion", 'changeId', c.id)`,
    },
    sql`change c`,
  );
  await sql`
    with change as materialized (
      select * from json_to_recordset(${rows}::json)
        as c(id uuid, "entryId" uuid, "agentId" uuid, "actionClass" text, kind text, "from" smallint, "to" smallint, reason text, evidence jsonb, "policyVersion" int)
    ), written as (
      insert into trust.level_change (tenant_id, id, agent_id, action_class, kind, from_level, to_level, reason, evidence, policy_version, decided_by_type, decided_by_id, decided_by_name, created_at)
      select ${currentTenantId()}::uuid, c.id, c."agentId", c."actionClass", c.kind, c."from", c."to", c.reason, c.evidence, c."policyVersion", ${actor.type}::text, ${actor.id}::uuid, ${actor.name}::text, ${now}::timestamptz from change c
    ) ${entry}`.execute(db);
}

const BATCH = 500;

/** A standing of any agent. */
export type AgentStandingRow = StandingRow & { agent_id: string };

/** Standings whose override is over, locked, a batch at a time. By standing_override_index. */
export async function lockLapsedOverrides(db: Sql, now: Date): Promise<AgentStandingRow[]> {
  const found = await sql<AgentStandingRow>`
    select s.agent_id, ${COLUMNS} from trust.standing s where s.tenant_id = ${currentTenantId()} and s.override_expires_at is not null and s.override_expires_at <= ${now}
     order by s.override_expires_at limit ${BATCH} for no key update skip locked`.execute(db);
  return found.rows;
}

/** Standings above L0 in which nothing was judged since a moment, locked, a batch at a time. By standing_activity_index. */
export async function lockInactive(db: Sql, since: Date): Promise<AgentStandingRow[]> {
  const found = await sql<AgentStandingRow>`
    select s.agent_id, ${COLUMNS} from trust.standing s where s.tenant_id = ${currentTenantId()} and s.level > 0 and s.active_at < ${since}
     order by s.active_at limit ${BATCH} for no key update skip locked`.execute(db);
  return found.rows;
}

/** What holds in every class, of some agents. By primary key. */
export async function selectWildcards(db: Sql, agentIds: readonly string[]): Promise<AgentStandingRow[]> {
  const found = await sql<AgentStandingRow>`
    select s.agent_id, ${COLUMNS} from trust.standing s where s.tenant_id = ${currentTenantId()} and s.agent_id = any (${agentIds}::uuid[]) and s.action_class = ${ANY_CLASS}`.execute(db);
  return found.rows;
}

/** A change of a level as SQL returns it. */
export interface LevelChangeRow {
  id: string;
  agent_id: string;
  action_class: string;
  kind: ChangeKind;
  from_level: number;
  to_level: number;
  reason: string;
  evidence: Record<string, unknown>;
  policy_version: number;
  decided_by_type: string;
  decided_by_id: string | null;
  decided_by_name: string;
  created_at: Date | string;
}

/** A page of an agent's changes, newest first, with one row more. By level_change_agent_index. */
export async function selectLevelChanges(db: Sql, agentId: string, before: string | undefined, limit: number): Promise<LevelChangeRow[]> {
  const found = await sql<LevelChangeRow>`
    select id, agent_id, action_class, kind, from_level, to_level, reason, evidence, policy_version, decided_by_type, decided_by_id, decided_by_name, created_at from trust.level_change
     where tenant_id = ${currentTenantId()} and agent_id = ${agentId} ${before === undefined ? sql`` : sql`and id < ${before}::uuid`} order by id desc limit ${limit + 1}`.execute(db);
  return found.rows;
}

/** How many changes an agent has had. By level_change_agent_index. */
export async function countLevelChanges(db: Sql, agentId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from trust.level_change where tenant_id = ${currentTenantId()} and agent_id = ${agentId}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** How many rows of the tables of decisions and trust keep an agent from being deleted. Each table has an index that begins with the agent. */
export async function countTrustOfAgent(db: Sql, agentId: string): Promise<{ table: string; count: number }[]> {
  const tables = ['decision', 'standing', 'judged_day', 'level_change', 'trust_metric', 'override', 'freeze', 'incident'].map((name) => `trust.${name}`);
  const of = (table: string) => sql`select ${table}::text as name, count(*) as count from ${sql.table(table)} where tenant_id = ${currentTenantId()} and agent_id = ${agentId}`;
  const counted = await sql<{ name: string; count: string }>`${sql.join(tables.map(of), sql` union all `)}`.execute(db);
  return counted.rows.map(({ name, count }) => ({ table: name, count: Number(count) }));
}

/** Ends an override row, with its entry. By primary key. */
export async function endOverride(db: Sql, id: string, agentId: string, reason: string, now: Date): Promise<void> {
  const entry = insertEntryPerRow(
    { subjectType: 'override', action: sql`'override.ended'`, id: sql`${newId()}::uuid`, subjectId: sql`e.id::text`, agentId: sql`${agentId}::uuid`, occurredAt: now, newState: sql`jsonb_build_object('reason', ${reason}::text)` },
    sql`ended e`,
  );
  await sql`
    with ended as (
      update trust.override o set ended_at = ${now}, end_reason = ${reason} where o.tenant_id = ${currentTenantId()} and o.id = ${id} and o.ended_at is null returning o.id
    ) ${entry}`.execute(db);
}
