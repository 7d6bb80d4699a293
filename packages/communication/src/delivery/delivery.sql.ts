import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { DeliveryRow } from './delivery.dto.js';
import { deliveryColumns } from './state.sql.js';

/** One delivery, by primary key. */
export async function selectDelivery(db: Sql, id: string, now: Date): Promise<DeliveryRow | undefined> {
  const found = await sql<DeliveryRow>`select ${deliveryColumns(now)} from communication.delivery d where d.tenant_id = ${currentTenantId()} and d.id = ${id}`.execute(db);
  return found.rows[0];
}

/** The deliveries of a message, by agent. Served by delivery_message_unique. */
export async function selectDeliveries(db: Sql, messageId: string, limit: number, after: string | undefined, now: Date): Promise<DeliveryRow[]> {
  const beyond = after === undefined ? sql`` : sql`and d.agent_id > ${after}::uuid`;
  const found = await sql<DeliveryRow>`
    select ${deliveryColumns(now)} from communication.delivery d where d.tenant_id = ${currentTenantId()} and d.message_id = ${messageId} ${beyond} order by d.agent_id limit ${limit}`.execute(db);
  return found.rows;
}

/** How many deliveries a message has. */
export async function countDeliveries(db: Sql, messageId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from communication.delivery d where d.tenant_id = ${currentTenantId()} and d.message_id = ${messageId}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** Dead letters are what the sweep or a rejection has written as such: at most a second behind. */
const dead = (agentId: string | undefined): RawBuilder<unknown> =>
  sql`d.tenant_id = ${currentTenantId()} and d.state in ('rejected', 'dead') ${agentId === undefined ? sql`` : sql`and d.agent_id = ${agentId}`}`;

/** Dead letters, the newest first. Served by delivery_dead_index, of an agent by delivery_agent_dead_index. */
export async function selectDeadLetters(db: Sql, agentId: string | undefined, limit: number, before: string | undefined, now: Date): Promise<DeliveryRow[]> {
  const beyond = before === undefined ? sql`` : sql`and d.id < ${before}::uuid`;
  const found = await sql<DeliveryRow>`select ${deliveryColumns(now)} from communication.delivery d where ${dead(agentId)} ${beyond} order by d.id desc limit ${limit}`.execute(db);
  return found.rows;
}

/** How many dead letters there are. */
export async function countDeadLetters(db: Sql, agentId: string | undefined): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from communication.delivery d where ${dead(agentId)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** How many deliveries an agent has had. Served by delivery_agent_index. */
export async function countDeliveriesOf(db: Sql, agentId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from communication.delivery d where d.tenant_id = ${currentTenantId()} and d.agent_id = ${agentId}`.execute(db);
  return Number(found.rows[0]!.count);
}
