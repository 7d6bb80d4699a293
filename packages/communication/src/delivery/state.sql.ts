import { currentTenantId } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';

/*
 * What time alone does to a delivery d, by the columns of its row:
 *
 *   handed out, its visibility timeout over at available_at
 *     hand-outs used up     dead, or expired if its time to live was over by then
 *     else                  pending
 *   pending (or pending again), its time to live over at expires_at
 *                           expired
 *
 * Everything that reads or moves a delivery goes by this, so that it does not matter when the sweep comes by: an expired
 * delivery is not handed out, an acknowledgement does not raise the dead. While a delivery is handed out, its recipient may
 * acknowledge it, though its time to live be over.
 */

const isOver = (moment: string, now: Date): RawBuilder<unknown> => sql`${sql.ref(moment)} <= ${now}::timestamptz`;

/** The state of a delivery d at a moment. */
export const stateAt = (now: Date): RawBuilder<unknown> => sql`
  case when d.settled_at is not null then d.state
       when d.state = 'delivered' and ${isOver('d.available_at', now)} and d.attempt >= d.max_deliveries and (d.expires_at is null or d.expires_at > d.available_at) then 'dead'
       when ${isOver('d.expires_at', now)} and (d.state = 'pending' or ${isOver('d.available_at', now)}) then 'expired'
       when d.state = 'delivered' and ${isOver('d.available_at', now)} then 'pending'
       else d.state end`;

/** A delivery and when it may be handed out next, at the moment `now`. */
export const deliveryColumns = (now: Date): RawBuilder<unknown> => sql`d.id, d.message_id, d.agent_id, ${stateAt(now)} as state, d.priority, d.attempt, d.max_deliveries, d.redrive_count, d.receipt,
  case when d.available_at > ${now}::timestamptz and (d.state = 'delivered' or d.expires_at is null or d.expires_at > ${now}::timestamptz) then d.available_at end as available_at, d.expires_at, d.sent_at, d.delivered_at, d.settled_at, d.reason`;

/** Waiting, at once to be handed out: what delivery_inbox_index has of an agent. */
export const ready = (agentId: string, now: Date): RawBuilder<unknown> =>
  sql`d.tenant_id = ${currentTenantId()} and d.agent_id = ${agentId} and d.state = 'pending' and d.available_at is null and (d.expires_at is null or d.expires_at > ${now})`;

/** Waiting again, since its pause or its visibility timeout is over and the sweep has not come by: of delivery_agent_due_index. */
export const due = (agentId: string, now: Date): RawBuilder<unknown> =>
  sql`d.tenant_id = ${currentTenantId()} and d.agent_id = ${agentId} and d.available_at <= ${now} and (d.state = 'pending' or d.attempt < d.max_deliveries) and (d.expires_at is null or d.expires_at > ${now})`;
