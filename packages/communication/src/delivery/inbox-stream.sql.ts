import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { MESSAGE_COLUMNS } from '../mail/agent-message.sql.js';
import type { DeliveredRow } from './delivery.dto.js';
import { deliveryColumns } from './state.sql.js';

/*
 * How a delivery gets its place in the stream of its agent's inbox
 *
 * Not when it is sent: a counter of the inbox would make those who send to one agent wait for each other's commits, and
 * ids follow the time of minting, not of committing, so a reader would pass what commits late. It gets its number when a
 * reader first comes to it, under the lock of the inbox's row: what commits late is numbered later, and none is passed.
 */

/** Rows that are numbered, or read, at once. */
const BATCH = 100;

/** Whether a delivery that has not ended waits for its number. Served by delivery_unnumbered_index. */
export async function hasUnnumbered(db: Sql, agentId: string): Promise<boolean> {
  const found = await sql`select 1 from communication.delivery d where d.tenant_id = ${currentTenantId()} and d.agent_id = ${agentId} and d.sequence is null and d.settled_at is null limit 1`.execute(db);
  return found.rows.length > 0;
}

/** Holds an agent's inbox until the transaction ends. What is read after that has every number that was given before. */
export async function lockInbox(db: Sql, agentId: string): Promise<number> {
  const held = await sql<{ last_sequence: string | number }>`
    insert into communication.inbox as i (tenant_id, agent_id, last_sequence) values (${currentTenantId()}, ${agentId}, 0)
    on conflict (tenant_id, agent_id) do update set last_sequence = i.last_sequence returning i.last_sequence`.execute(db);
  return Number(held.rows[0]!.last_sequence);
}

/** Numbers deliveries of a held inbox by the age of their messages; returns how many. One that somebody holds right now comes next time. Served by delivery_unnumbered_index. */
export async function numberDeliveries(db: Sql, agentId: string, lastSequence: number): Promise<number> {
  const tenantId = currentTenantId();
  const numbered = await sql<{ count: number }>`
    with found as materialized (
      select d.id, d.message_id from communication.delivery d
       where d.tenant_id = ${tenantId} and d.agent_id = ${agentId} and d.sequence is null and d.settled_at is null order by d.message_id limit ${BATCH} for update of d skip locked
    ), numbered as (
      update communication.delivery d set sequence = ${lastSequence}::bigint + f.n from (select id, row_number() over (order by message_id) as n from found) f
       where d.tenant_id = ${tenantId} and d.id = f.id
      returning d.sequence
    ), moved as (
      update communication.inbox i set last_sequence = n.last from (select max(sequence) as last from numbered) n where i.tenant_id = ${tenantId} and i.agent_id = ${agentId} and n.last is not null
    )
    select count(*)::int as count from numbered`.execute(db);
  return numbered.rows[0]!.count;
}

/** A delivery with its place and its message. */
export interface StreamedRow extends DeliveredRow {
  sequence: string | number;
}

/** Deliveries after a place, in order. Served by delivery_sequence_index. */
export async function selectNumbered(db: Sql, agentId: string, after: number, now: Date): Promise<StreamedRow[]> {
  const tenantId = currentTenantId();
  const found = await sql<StreamedRow>`
    select ${deliveryColumns(now)}, d.sequence, case when m.id is not null then to_jsonb(m) end as message
      from communication.delivery d
      left join lateral (select ${MESSAGE_COLUMNS} from communication.agent_message m where m.tenant_id = ${tenantId} and m.id = d.message_id) m on true
     where d.tenant_id = ${tenantId} and d.agent_id = ${agentId} and d.sequence > ${after} order by d.sequence limit ${BATCH}`.execute(db);
  return found.rows;
}

/**
 * The place before the oldest numbered delivery that has not ended; the end of the stream when there is none. What has not ended is
 * what delivery_inbox_index and delivery_agent_due_index hold; `offset 0` keeps the planner from walking the whole stream for its first one.
 */
export async function selectStart(db: Sql, agentId: string): Promise<number> {
  const tenantId = currentTenantId();
  const open = (condition: RawBuilder<unknown>) => sql`select d.sequence from communication.delivery d where d.tenant_id = ${tenantId} and d.agent_id = ${agentId} and ${condition}`;
  const found = await sql<{ start: string | number }>`
    select coalesce((select min(o.sequence) - 1 from (${open(sql`d.state = 'pending' and d.available_at is null`)} union all ${open(sql`d.available_at is not null`)} offset 0) o),
                    (select i.last_sequence from communication.inbox i where i.tenant_id = ${tenantId} and i.agent_id = ${agentId}), 0) as start`.execute(db);
  return Number(found.rows[0]!.start);
}
