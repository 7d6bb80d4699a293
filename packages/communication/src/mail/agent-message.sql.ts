import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { AgentMessageQuery, AgentMessageRow } from './agent-message.dto.js';

/** Columns of an AgentMessageRow, from `communication.agent_message m`. */
export const MESSAGE_COLUMNS = sql`m.id, m.from_agent_id, m.to_agent_id, m.topic, m.type, m.content, m.correlation_id, m.reply_to, m.priority, m.max_deliveries, m.expires_at,
  m.message_metadata, m.recipient_count, m.sent_at`;

/** One message, by primary key, in the month of its id. */
export async function selectMessage(db: Sql, id: string): Promise<AgentMessageRow | undefined> {
  const found = await sql<AgentMessageRow>`select ${MESSAGE_COLUMNS} from communication.agent_message m where m.tenant_id = ${currentTenantId()} and m.id = ${id}`.execute(db);
  return found.rows[0];
}

/** What a reply answers. */
export interface Answered {
  id: string;
  from_agent_id: string;
  correlation_id: string | null;
}

/** The message of an id, if the agent was given it. By primary key, and by delivery_message_unique. */
export async function selectReceived(db: Sql, id: string, agentId: string): Promise<Answered | undefined> {
  const found = await sql<Answered>`
    select m.id, m.from_agent_id, m.correlation_id from communication.agent_message m
     where m.tenant_id = ${currentTenantId()} and m.id = ${id} and ${wasGiven(agentId)}`.execute(db);
  return found.rows[0];
}

/** The newest request under a correlation id that the agent was given. Served by agent_message_correlation_index, from the newest on. */
export async function selectRequest(db: Sql, correlationId: string, agentId: string): Promise<Answered | undefined> {
  const found = await sql<Answered>`
    select m.id, m.from_agent_id, m.correlation_id from communication.agent_message m
     where m.tenant_id = ${currentTenantId()} and m.correlation_id = ${correlationId} and m.type = 'request' and ${wasGiven(agentId)}
     order by m.id desc limit 1`.execute(db);
  return found.rows[0];
}

const wasGiven = (agentId: string): RawBuilder<unknown> =>
  sql`exists (select from communication.delivery d where d.tenant_id = m.tenant_id and d.message_id = m.id and d.agent_id = ${agentId})`;

function conditions(query: AgentMessageQuery): RawBuilder<unknown> {
  const all = [sql`m.tenant_id = ${currentTenantId()}`];
  if (query.fromAgentId !== undefined) all.push(sql`m.from_agent_id = ${query.fromAgentId}`);
  if (query.toAgentId !== undefined) all.push(sql`m.to_agent_id = ${query.toAgentId}`);
  if (query.topic !== undefined) all.push(sql`m.topic = ${query.topic}`);
  if (query.correlationId !== undefined) all.push(sql`m.correlation_id = ${query.correlationId}`);
  if (query.type !== undefined) all.push(sql`m.type = ${query.type}`);
  return sql.join(all, sql` and `);
}

/** A page newest first, with one row more than the page holds. Each filter but the type has its index, which ends in the id. */
export async function selectMessages(db: Sql, query: AgentMessageQuery, before: string | undefined): Promise<AgentMessageRow[]> {
  const keyset = before === undefined ? conditions(query) : sql`${conditions(query)} and m.id < ${before}::uuid`;
  const found = await sql<AgentMessageRow>`select ${MESSAGE_COLUMNS} from communication.agent_message m where ${keyset} order by m.id desc limit ${query.limit + 1}`.execute(db);
  return found.rows;
}

/** How many messages match, whatever the page. */
export async function countMessages(db: Sql, query: AgentMessageQuery): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from communication.agent_message m where ${conditions(query)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** How many messages name an agent as their sender or recipient. Served by agent_message_from_index and agent_message_to_index. */
export async function countMessagesOf(db: Sql, agentId: string): Promise<number> {
  const tenantId = currentTenantId();
  const found = await sql<{ count: string }>`
    select (select count(*) from communication.agent_message m where m.tenant_id = ${tenantId} and m.from_agent_id = ${agentId})
         + (select count(*) from communication.agent_message m where m.tenant_id = ${tenantId} and m.to_agent_id = ${agentId}) as count`.execute(db);
  return Number(found.rows[0]!.count);
}
