import type { AgentStatus } from '@agent-hive/agents';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { Levels } from '../gate/gate.js';
import { isStopped, levelsOf } from '../gate/gate.sql.js';
import { INTERACTION_COLUMNS } from '../interaction/interaction.sql.js';
import type { InteractionRow } from '../interaction/interaction-view.dto.js';

/** What the gate looks at. */
export interface GateRow {
  agent_status: AgentStatus;
  levels: Levels | null;
  is_stopped: boolean;
  /** Ceiling of the session; null without one. */
  session_level: number | null;
  session_agent_id: string | null;
  session_is_there: boolean;
}

/** What the gate looks at, of an agent and a session: one statement, by primary keys. Undefined where there is no such agent. */
export async function selectGate(db: Sql, agentId: string, sessionId: string | null, now: Date): Promise<GateRow | undefined> {
  const tenantId = currentTenantId();
  const found = await sql<GateRow>`
    select p.status as agent_status, ${levelsOf(sql`p.agent_id`, now)} as levels, ${isStopped()} as is_stopped, s.trust_level as session_level, s.agent_id as session_agent_id, s.id is not null as session_is_there
      from agents.presence p left join agents.session s on s.tenant_id = p.tenant_id and s.id = ${sessionId}::uuid
     where p.tenant_id = ${tenantId} and p.agent_id = ${agentId}`.execute(db);
  return found.rows[0];
}

/** Lets those who ask for an agent take turns until the transaction ends: its row is there already, and others may still refer to it. By primary key. */
export async function lockAsking(db: Sql, agentId: string): Promise<void> {
  await sql`select from agents.agent where tenant_id = ${currentTenantId()} and id = ${agentId} for no key update`.execute(db);
}

const SHOWN = 20;

/** Approvals that an agent has asked for an action, the newest first, locked. By interaction_action_index. */
export async function lockApprovals(db: Sql, agentId: string, digest: string): Promise<InteractionRow[]> {
  const found = await sql<InteractionRow>`
    select ${INTERACTION_COLUMNS} from trust.interaction i where i.tenant_id = ${currentTenantId()} and i.agent_id = ${agentId} and i.action_digest = ${digest}
     order by i.id desc limit ${SHOWN} for no key update`.execute(db);
  return found.rows;
}
