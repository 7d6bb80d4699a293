import { insertEntries, insertEntry } from '@agent-hive/audit';
import type { AgentStatus } from '@agent-hive/agents';
import { currentTenantId, requireContext, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { INTERACTION_COLUMNS } from './interaction.sql.js';
import type { InteractionStatus } from './lifecycle.js';
import type { InteractionRow } from './interaction-view.dto.js';

/** How an interaction leaves `pending`, by somebody's doing. */
export interface Settlement {
  status: InteractionStatus;
  /** JSON; undefined is none. */
  response?: unknown;
  /** Why it was cancelled. */
  reason?: string | null;
  at: Date;
}

/**
 * Moves a pending interaction, with its entry, by primary key and compare-and-set: nothing is returned when it is pending
 * no more. What a person says is stored with who said it.
 */
export async function settleInteraction(db: Sql, row: InteractionRow, { status, response, reason, at }: Settlement): Promise<InteractionRow | undefined> {
  const { actor } = requireContext().principal;
  const isAnswer = status !== 'cancelled';
  const entry = insertEntry(
    {
      action: `interaction.${status}`, subjectType: 'interaction', subjectId: row.id, agentId: row.agent_id, sessionId: row.session_id,
      previousState: { status: 'pending' }, newState: { status, ...(response !== undefined && { response }), ...(reason != null && { reason }) },
    },
    'settled',
  );
  const settled = await sql<InteractionRow>`
    with settled as (
      update trust.interaction i
         set status = ${status}, response = ${response === undefined ? null : JSON.stringify(response)}::jsonb, updated_at = ${at}, responded_at = ${isAnswer ? at : null}::timestamptz,
             responded_by_id = ${isAnswer && actor.type === 'user' ? actor.id : null}::uuid, responded_by_name = ${isAnswer ? actor.name : null}::text
       where i.tenant_id = ${currentTenantId()} and i.id = ${row.id} and i.status = 'pending' and (i.expires_at is null or i.expires_at > ${at})
      returning ${INTERACTION_COLUMNS}
    ), entry as (${entry})
    select * from settled`.execute(db);
  return settled.rows[0];
}

/** Uses an approval up, with its entry, by primary key and compare-and-set: nothing is returned when it cannot be used. */
export async function useApproval(db: Sql, row: InteractionRow, digest: string, at: Date): Promise<InteractionRow | undefined> {
  const entry = insertEntry({ action: 'interaction.used', subjectType: 'interaction', subjectId: row.id, agentId: row.agent_id, sessionId: row.session_id, newState: { usedAt: at, actionDigest: digest } }, 'used');
  const used = await sql<InteractionRow>`
    with used as (
      update trust.interaction i set used_at = ${at}, updated_at = ${at}
       where i.tenant_id = ${currentTenantId()} and i.id = ${row.id} and i.status = 'approved' and i.used_at is null and i.action_digest = ${digest} and (i.expires_at is null or i.expires_at > ${at})
      returning ${INTERACTION_COLUMNS}
    ), entry as (${entry})
    select * from used`.execute(db);
  return used.rows[0];
}

/** Rows of one statement: what a sweep holds locked stays small. */
const BATCH = 500;

/** Pending interactions whose time is up, the longest first, locked; those that somebody else holds are left. Served by interaction_expiry_index. */
export async function lockLapsed(db: Sql, now: Date): Promise<InteractionRow[]> {
  const found = await sql<InteractionRow>`
    select ${INTERACTION_COLUMNS} from trust.interaction i
     where i.tenant_id = ${currentTenantId()} and i.status = 'pending' and i.expires_at is not null and i.expires_at <= ${now}
     order by i.expires_at limit ${BATCH} for no key update of i skip locked`.execute(db);
  return found.rows;
}

/** Pending approvals whose time is not up, the oldest first, locked, a batch at a time. Served by interaction_status_index. */
export async function lockPendingApprovals(db: Sql, now: Date): Promise<InteractionRow[]> {
  const found = await sql<InteractionRow>`
    select ${INTERACTION_COLUMNS} from trust.interaction i
     where i.tenant_id = ${currentTenantId()} and i.status = 'pending' and i.type = 'approval_request' and (i.expires_at is null or i.expires_at > ${now})
     order by i.id limit ${BATCH} for no key update`.execute(db);
  return found.rows;
}

/** Marks locked interactions as expired, each with its entry. By primary key. */
export const expireInteractions = (db: Sql, rows: readonly InteractionRow[], now: Date): Promise<InteractionRow[]> => endPending(db, rows, { status: 'expired' }, now);

/** Cancels locked interactions, each with its entry. By primary key. */
export const cancelInteractions = (db: Sql, rows: readonly InteractionRow[], reason: string, now: Date): Promise<InteractionRow[]> => endPending(db, rows, { status: 'cancelled', reason }, now);

async function endPending(db: Sql, rows: readonly InteractionRow[], newState: { status: 'expired' | 'cancelled'; reason?: string }, now: Date): Promise<InteractionRow[]> {
  const entries = rows.map((row) => ({
    action: `interaction.${newState.status}`, subjectType: 'interaction', subjectId: row.id, agentId: row.agent_id, sessionId: row.session_id, previousState: { status: 'pending' }, newState,
  }));
  const ended = await sql<InteractionRow>`
    with entry as (${insertEntries(entries)})
    update trust.interaction i set status = ${newState.status}, updated_at = ${now}
     where i.tenant_id = ${currentTenantId()} and i.id = any (${rows.map((row) => row.id)}::uuid[]) and i.status = 'pending'
    returning ${INTERACTION_COLUMNS}`.execute(db);
  return ended.rows;
}

/** The status of an agent, which stays as it is until the transaction ends; undefined when there is none. By primary key. */
export async function holdAgentStatus(db: Sql, agentId: string): Promise<AgentStatus | undefined> {
  const found = await sql<{ status: AgentStatus }>`select p.status from agents.presence p where p.tenant_id = ${currentTenantId()} and p.agent_id = ${agentId} for share`.execute(db);
  return found.rows[0]?.status;
}
