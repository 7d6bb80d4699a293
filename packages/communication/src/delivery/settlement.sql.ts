import { insertEntryPerRow } from '@agent-hive/audit';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { DeliveryRow } from './delivery.dto.js';
import type { DeliveryState } from './delivery.entity.js';
import { deliveryColumns, stateAt } from './state.sql.js';

/** What an agent writes about a delivery. Null agentId: whoever's it is; null receipt: whichever the last hand-out was. */
export interface Settlement {
  id: string;
  agentId: string | null;
  receipt: number | null;
  now: Date;
}

/** What a write came upon. Without a row there is no such delivery. */
export type SettledRow = DeliveryRow & { verdict: 'done' | 'not-yours' | 'stale' | DeliveryState; from_agent_id: string | null };

/** The delivery, locked, with what there is to say to the write. By primary key. */
const item = ({ id, agentId, receipt, now }: Settlement): RawBuilder<unknown> => sql`
    item as materialized (
      select x.*, case when ${agentId}::uuid is not null and x.agent_id <> ${agentId}::uuid then 'not-yours'
                       when x.state_now in ('pending', 'delivered', 'acknowledged') and ${receipt}::int is not null and x.receipt <> ${receipt}::int then 'stale' end as refusal
        from (select d.*, ${stateAt(now)} as state_now from communication.delivery d where d.tenant_id = ${currentTenantId()} and d.id = ${id} for update) x
    )`;

const answer = (now: Date, withSender = false): RawBuilder<unknown> => sql`
    select ${deliveryColumns(now)}, coalesce(i.refusal, case when exists (select from done) then 'done' end, i.state_now) as verdict,
           ${withSender ? sql`(select m.from_agent_id from communication.agent_message m where m.tenant_id = i.tenant_id and m.id = i.message_id)` : sql`null::uuid`} as from_agent_id
      from item i cross join lateral (select * from done union all select ${ITEM} from item i where not exists (select from done)) d`;

const ITEM = sql`i.tenant_id, i.id, i.message_id, i.agent_id, i.state, i.priority, i.attempt, i.max_deliveries, i.redrive_count, i.receipt, i.available_at, i.expires_at, i.sent_at, i.delivered_at,
  i.settled_at, i.reason, i.sequence`;
const DONE = sql`d.tenant_id, d.id, d.message_id, d.agent_id, d.state, d.priority, d.attempt, d.max_deliveries, d.redrive_count, d.receipt, d.available_at, d.expires_at, d.sent_at, d.delivered_at,
  d.settled_at, d.reason, d.sequence`;

const moved = (action: string, now: Date, newState: RawBuilder<unknown>): RawBuilder<unknown> =>
  insertEntryPerRow(
    { subjectType: 'delivery', action: sql`${action}::text`, id: sql`${newId()}::uuid`, subjectId: sql`d.id::text`, agentId: sql`d.agent_id`, occurredAt: now, newState: sql`jsonb_strip_nulls(${newState})` },
    sql`done d`,
  );

/** Acknowledges what is handed out or waits, with its entry, in one statement. */
export async function acknowledge(db: Sql, settlement: Settlement): Promise<SettledRow | undefined> {
  const { now } = settlement;
  const found = await sql<SettledRow>`
    with ${item(settlement)}, done as (
      update communication.delivery d set state = 'acknowledged', available_at = null, settled_at = ${now}::timestamptz, reason = null
        from item i where d.tenant_id = i.tenant_id and d.id = i.id and i.refusal is null and i.state_now in ('pending', 'delivered')
      returning ${DONE}
    ), entry as (${moved('delivery.acknowledged', now, sql`jsonb_build_object('messageId', d.message_id, 'state', d.state, 'attempt', d.attempt)`)})
    ${answer(now)}`.execute(db);
  return found.rows[0];
}

/** A rejection: handed out again at the moment given, or a dead letter. */
export interface Rejection extends Settlement {
  reason: string;
  requeue: boolean;
  /** Pause by attempt, in milliseconds: the first for the first. The last one serves for all that follow. */
  pausesMs: readonly number[];
}

/** Takes back what is handed out, with its entry, in one statement; the hand-out's receipt is good for nothing afterwards. */
export async function reject(db: Sql, rejection: Rejection): Promise<SettledRow | undefined> {
  const { now, reason, requeue, pausesMs } = rejection;
  const pause = sql`(${[...pausesMs]}::int[])[least(d.attempt, ${pausesMs.length}::int)]`;
  const isOver = sql`(not ${requeue}::boolean or d.attempt >= d.max_deliveries)`;
  const found = await sql<SettledRow>`
    with ${item(rejection)}, done as (
      update communication.delivery d
         set state = case when not ${requeue}::boolean then 'rejected' when d.attempt >= d.max_deliveries then 'dead' else 'pending' end, receipt = d.receipt + 1, reason = ${reason}::text,
             available_at = case when ${isOver} or ${pause} = 0 then null else ${now}::timestamptz + ${pause} * interval '1 millisecond' end,
             settled_at = case when ${isOver} then ${now}::timestamptz end
        from item i where d.tenant_id = i.tenant_id and d.id = i.id and i.refusal is null and i.state_now = 'delivered'
      returning ${DONE}
    ), entry as (${moved('delivery.rejected', now, sql`jsonb_build_object('messageId', d.message_id, 'state', d.state, 'attempt', d.attempt, 'availableAt', d.available_at, 'reason', d.reason)`)})
    ${answer(now, true)}`.execute(db);
  return found.rows[0];
}

/** Puts a dead letter among what waits, with all hand-outs anew and without a time to live, and its entry, in one statement. */
export async function redrive(db: Sql, id: string, now: Date): Promise<SettledRow | undefined> {
  const found = await sql<SettledRow>`
    with ${item({ id, agentId: null, receipt: null, now })}, done as (
      update communication.delivery d
         set state = 'pending', attempt = 0, redrive_count = d.redrive_count + 1, receipt = d.receipt + 1, available_at = null, expires_at = null, settled_at = null, reason = null
        from item i where d.tenant_id = i.tenant_id and d.id = i.id and i.state_now in ('rejected', 'dead')
      returning ${DONE}
    ), entry as (${moved('delivery.redriven', now, sql`jsonb_build_object('messageId', d.message_id, 'state', d.state, 'redriveCount', d.redrive_count)`)})
    ${answer(now)}`.execute(db);
  return found.rows[0];
}
