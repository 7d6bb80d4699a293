import { insertEntries, insertEntryPerRow } from '@agent-hive/audit';
import { currentTenantId, newId, requireContext, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { permittedChanges, STALE_HEARTBEAT, type AgentStatus } from './presence.entity.js';
import type { PresenceRow, StatusChangeRow } from './presence.dto.js';

/** What a heartbeat or a change of status came upon. `moved` tells whether it was written at all. */
export interface MoveRow extends PresenceRow {
  from_status: AgentStatus;
  to_status: AgentStatus;
  moved: boolean;
}

/** A wish to change a presence. `status` null keeps the present one, and `heartbeat` marks a sign of life. */
export interface Move {
  agentId: string;
  status: AgentStatus | null;
  reason: string | null;
  heartbeat: boolean;
  metrics: Record<string, unknown> | null;
  at: Date;
}

/**
 * The moment of a change, read under the lock of the presence: writers come to it in another order than they read their
 * clocks in, and each must be later than the one before.
 */
const changedAt = (at: Date): RawBuilder<unknown> => sql`greatest(${at}::timestamptz, p.status_changed_at + interval '1 millisecond')`;

/** The UUIDv7 `minted`, moved to the moment of the change, so that ids sort as the changes came. */
const idAt = (moment: RawBuilder<unknown>, minted: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(lpad(to_hex((extract(epoch from ${moment}) * 1000)::bigint), 12, '0') || substr(replace(${minted}::text, '-', ''), 13))::uuid`;

/**
 * One statement by primary key: locks the presence, decides the next status, writes it when the transition table permits,
 * and leaves a status change only when the status really changed, an entry of the record when the status or its reason
 * did. A heartbeat without status ends a stale one. A missing row means there is no such agent.
 */
export async function movePresence(db: Sql, move: Move): Promise<MoveRow | undefined> {
  const tenantId = currentTenantId();
  const { actor } = requireContext().principal;
  const moved = sql`w.to_status <> w.from_status`;
  const entry = insertEntryPerRow(
    {
      subjectType: 'agent',
      action: sql`case when ${moved} then 'agent.status_changed' else 'agent.status_reason_changed' end`,
      id: sql`${newId()}::uuid`,
      subjectId: sql`${move.agentId}::text`,
      agentId: sql`${move.agentId}::uuid`,
      occurredAt: move.at,
      previousState: sql`case when ${moved} then jsonb_build_object('status', w.from_status) else jsonb_build_object('statusReason', w.from_reason) end`,
      newState: sql`case when ${moved} then jsonb_build_object('status', w.to_status, 'statusReason', w.status_reason) else jsonb_build_object('statusReason', w.status_reason) end`,
    },
    sql`written w where ${moved} or w.status_reason is distinct from w.from_reason`,
  );
  const done = await sql<MoveRow>`
    with wish as (
      select p.*, p.status as from_status, p.status_reason as from_reason,
             coalesce(${move.status}::text, case when ${move.heartbeat}::boolean and p.status = 'error' and p.status_reason = ${STALE_HEARTBEAT} then 'active' else p.status end) as to_status
        from agents.presence p where p.tenant_id = ${tenantId} and p.agent_id = ${move.agentId} for update
    ), lawful as (
      select * from wish where (to_status = from_status and not (${move.heartbeat}::boolean and from_status = 'shutdown')) or from_status || '>' || to_status = any (${permittedChanges()}::text[])
    ), written as (
      update agents.presence p
         set status = l.to_status,
             status_reason = case when l.to_status <> l.from_status or ${move.reason}::text is not null then ${move.reason}::text else p.status_reason end,
             status_changed_at = case when l.to_status <> l.from_status then ${changedAt(move.at)} else p.status_changed_at end,
             last_heartbeat_at = case when ${move.heartbeat}::boolean then greatest(${move.at}::timestamptz, p.last_heartbeat_at) else p.last_heartbeat_at end,
             heartbeat_count = p.heartbeat_count + case when ${move.heartbeat}::boolean then 1 else 0 end,
             metrics = coalesce(${move.metrics === null ? null : JSON.stringify(move.metrics)}::jsonb, p.metrics)
        from lawful l where p.tenant_id = l.tenant_id and p.agent_id = l.agent_id
      returning p.*, l.from_status, l.from_reason, l.to_status
    ), change as (
      insert into agents.status_change (tenant_id, id, agent_id, from_status, to_status, reason, changed_by, changed_by_name, changed_at)
      select tenant_id, ${idAt(sql`status_changed_at`, sql`${newId()}`)}, agent_id, from_status, to_status, status_reason, ${actor.id}::uuid, ${actor.name}::text, status_changed_at
        from written w where ${moved}
    ), entry as (${entry})
    select agent_id, status, status_reason, status_changed_at, last_heartbeat_at, metrics, from_status, to_status, true as moved from written
    union all
    select agent_id, status, status_reason, status_changed_at, last_heartbeat_at, metrics, from_status, to_status, false
      from wish where not exists (select from written)`.execute(db);
  return done.rows[0];
}

/** A page of an agent's changes, newest first. Served by status_change_agent_index. */
export async function selectStatusChanges(db: Sql, agentId: string, limit: number, before: string | undefined): Promise<StatusChangeRow[]> {
  const found = await sql<StatusChangeRow>`
    select id, from_status, to_status, reason, changed_by, changed_by_name, changed_at from agents.status_change
     where tenant_id = ${currentTenantId()} and agent_id = ${agentId} ${before === undefined ? sql`` : sql`and id < ${before}::uuid`}
     order by id desc limit ${limit}`.execute(db);
  return found.rows;
}

/** How many changes an agent has had. Served by status_change_agent_index. */
export async function countStatusChanges(db: Sql, agentId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from agents.status_change where tenant_id = ${currentTenantId()} and agent_id = ${agentId}`.execute(db);
  return Number(found.rows[0]!.count);
}

const SWEEP_BATCH = 500;

/**
 * Marks agents whose last heartbeat is before `cutoff` as stale, oldest first, a batch at a time; returns their ids.
 * Served by presence_heartbeat_index. Rows that somebody else holds are skipped: a heartbeat in flight is a sign of life.
 */
export async function markStale(db: Sql, cutoff: Date, now: Date): Promise<string[]> {
  const tenantId = currentTenantId();
  const stale = await sql<{ agent_id: string; status: AgentStatus }>`
    select agent_id, status from agents.presence
     where tenant_id = ${tenantId} and status in ('active', 'idle', 'busy') and last_heartbeat_at < ${cutoff}
     order by last_heartbeat_at limit ${SWEEP_BATCH} for update skip locked`.execute(db);
  if (stale.rows.length === 0) return [];
  const ids = stale.rows.map((row) => row.agent_id);
  const entries = stale.rows.map((row) => ({
    action: 'agent.status_changed',
    subjectType: 'agent',
    subjectId: row.agent_id,
    agentId: row.agent_id,
    previousState: { status: row.status },
    newState: { status: 'error', statusReason: STALE_HEARTBEAT },
  }));
  const { actor } = requireContext().principal;
  await sql`
    with written as (
      update agents.presence p set status = 'error', status_reason = ${STALE_HEARTBEAT}, status_changed_at = ${changedAt(now)}
        from unnest(${ids.map(() => newId())}::uuid[], ${ids}::uuid[], ${stale.rows.map((r) => r.status)}::text[]) as c(id, agent_id, from_status)
       where p.tenant_id = ${tenantId} and p.agent_id = c.agent_id
      returning p.*, c.id, c.from_status
    ), change as (
      insert into agents.status_change (tenant_id, id, agent_id, from_status, to_status, reason, changed_by, changed_by_name, changed_at)
      select tenant_id, ${idAt(sql`status_changed_at`, sql`id`)}, agent_id, from_status, status, status_reason, null, ${actor.name}::text, status_changed_at from written
    )
    ${insertEntries(entries)}`.execute(db);
  return ids;
}
