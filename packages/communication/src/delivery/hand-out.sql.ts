import type { AgentStatus } from '@agent-hive/agents';
import { insertEntryPerRow } from '@agent-hive/audit';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { MESSAGE_COLUMNS } from '../mail/agent-message.sql.js';
import { idLike } from '../mail/minted-id.sql.js';
import type { DeliveredRow } from './delivery.dto.js';
import { due, ready } from './state.sql.js';

/** What a hand-out came upon: the agent's status, and a delivery, or none. Without a row there is no such agent. */
export interface HandedRow extends Omit<DeliveredRow, 'id'> {
  agent_status: AgentStatus;
  id: string | null;
}

/** To whom, how many, and until when nobody else is given them. */
export interface HandOut {
  agentId: string;
  limit: number;
  visibleUntil: Date;
  now: Date;
}

/**
 * Hands out what waits for an agent, the higher priority first, then the older: one statement. What has always waited is
 * read in that order from delivery_inbox_index, however much there is; what waits again is all read from
 * delivery_agent_due_index, and is little, since the sweep puts it among the others every second. Rows that another
 * hand-out holds right now are passed over.
 */
export async function handOut(db: Sql, { agentId, limit, visibleUntil, now }: HandOut): Promise<HandedRow[]> {
  const tenantId = currentTenantId();
  const entry = insertEntryPerRow(
    {
      subjectType: 'delivery', action: sql`'delivery.delivered'`, id: idLike(newId()), subjectId: sql`h.id::text`, agentId: sql`h.agent_id`, occurredAt: now,
      newState: sql`jsonb_build_object('messageId', h.message_id, 'state', h.state, 'attempt', h.attempt, 'receipt', h.receipt, 'availableAt', h.available_at)`,
    },
    sql`handed h`,
  );
  const found = await sql<HandedRow>`
    with me as materialized (
      select p.status from agents.presence p where p.tenant_id = ${tenantId} and p.agent_id = ${agentId}
    ), waiting as materialized (
      select d.id, d.priority, d.message_id from communication.delivery d
       where ${ready(agentId, now)} and (select status <> 'shutdown' from me) order by d.priority desc, d.message_id limit ${limit} for update of d skip locked
    ), again as materialized (
      select d.id, d.priority, d.message_id from communication.delivery d
       where ${due(agentId, now)} and (select status <> 'shutdown' from me) order by d.priority desc, d.message_id limit ${limit} for update of d skip locked
    ), chosen as materialized (
      select * from (select * from waiting union all select * from again) w order by w.priority desc, w.message_id limit ${limit}
    ), handed as (
      update communication.delivery d
         set state = 'delivered', attempt = d.attempt + 1, receipt = d.receipt + 1, available_at = ${visibleUntil}::timestamptz, delivered_at = ${now}::timestamptz, reason = null
        from chosen c where d.tenant_id = ${tenantId} and d.id = c.id
      returning d.*
    ), entry as (${entry})
    select me.status as agent_status, h.*, case when m.id is not null then to_jsonb(m) end as message
      from me left join handed h on true
      left join lateral (select ${MESSAGE_COLUMNS} from communication.agent_message m where m.tenant_id = ${tenantId} and m.id = h.message_id) m on true
     order by h.priority desc, h.message_id`.execute(db);
  return found.rows;
}
