import type { AgentStatus } from '@agent-hive/agents';
import { insertEntryPerRow } from '@agent-hive/audit';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { AgentMessageType } from './agent-message.entity.js';
import { idLike } from './minted-id.sql.js';

/** A message as it is written, with its digest for the record. */
export interface Letter {
  id: string;
  fromAgentId: string;
  /** The one recipient, the topic, or neither: a broadcast. */
  toAgentId: string | null;
  topic: string | null;
  type: AgentMessageType;
  /** JSON text. */
  content: string;
  contentDigest: string;
  correlationId: string | null;
  replyTo: string | null;
  priority: number;
  maxDeliveries: number;
  expiresAt: Date | null;
  /** JSON text. */
  metadata: string;
  sentAt: Date;
}

/** What a letter came upon. It was sent when `recipients` is there. */
export interface SentRow {
  sender_status: AgentStatus | null;
  is_addressed: boolean;
  recipients: string[] | null;
}

/**
 * Agents that get the letter. Each stays until the transaction ends, since its delivery names it by a plain id. By primary
 * keys; a broadcast reads the presence of every agent of the tenant.
 */
function recipients({ fromAgentId, toAgentId, topic }: Letter): RawBuilder<unknown> {
  const tenantId = currentTenantId();
  if (toAgentId !== null) return sql`select a.id from agents.agent a where a.tenant_id = ${tenantId} and a.id = ${toAgentId} for key share`;
  if (topic !== null) {
    return sql`select a.id from communication.subscription s join agents.agent a on a.tenant_id = s.tenant_id and a.id = s.agent_id
                where s.tenant_id = ${tenantId} and s.topic_name = ${topic} order by a.id for key share of a`;
  }
  return sql`select a.id from agents.presence p join agents.agent a on a.tenant_id = p.tenant_id and a.id = p.agent_id
              where p.tenant_id = ${tenantId} and p.status <> 'shutdown' and p.agent_id <> ${fromAgentId} order by a.id for key share of a`;
}

/** Whether there is what the letter is addressed to. */
function addressed({ toAgentId, topic }: Letter): RawBuilder<unknown> {
  if (toAgentId !== null) return sql`exists (select from recipient)`;
  return topic === null ? sql`true` : sql`exists (select from communication.topic t where t.tenant_id = ${currentTenantId()} and t.name = ${topic})`;
}

/** Writes a message, a delivery for each recipient, and one entry of the record, in one statement: all or nothing. */
export async function sendLetter(db: Sql, letter: Letter): Promise<SentRow> {
  const tenantId = currentTenantId();
  const { id, sentAt } = letter;
  const entry = insertEntryPerRow(
    {
      subjectType: 'agent_message', action: sql`'agent_message.sent'`, id: sql`${newId()}::uuid`, subjectId: sql`message.id::text`, agentId: sql`message.from_agent_id`, occurredAt: sentAt,
      newState: sql`jsonb_strip_nulls(jsonb_build_object('type', message.type, 'toAgentId', message.to_agent_id, 'topic', message.topic, 'correlationId', message.correlation_id,
        'replyTo', message.reply_to, 'priority', message.priority, 'expiresAt', message.expires_at, 'recipientCount', message.recipient_count,
        'contentDigest', ${letter.contentDigest}::text, 'contentBytes', ${Buffer.byteLength(letter.content)}::int))`,
    },
    sql`message`,
  );
  const sent = await sql<SentRow>`
    with sender as materialized (
      select a.id, p.status from agents.agent a join agents.presence p on p.tenant_id = a.tenant_id and p.agent_id = a.id
       where a.tenant_id = ${tenantId} and a.id = ${letter.fromAgentId} for key share of a
    ), recipient as materialized (${recipients(letter)}), address as materialized (
      select ${addressed(letter)} as is_there
    ), message as (
      insert into communication.agent_message (tenant_id, id, from_agent_id, to_agent_id, topic, type, content, correlation_id, reply_to, priority, max_deliveries, expires_at,
             message_metadata, recipient_count, sent_at)
      select ${tenantId}::uuid, ${id}::uuid, s.id, ${letter.toAgentId}::uuid, ${letter.topic}::text, ${letter.type}::text, ${letter.content}::jsonb, ${letter.correlationId}::text,
             ${letter.replyTo}::uuid, ${letter.priority}::smallint, ${letter.maxDeliveries}::smallint, ${letter.expiresAt}::timestamptz, ${letter.metadata}::jsonb, n.count, ${sentAt}::timestamptz
        from sender s cross join address a cross join (select count(*)::int as count from recipient) n where s.status <> 'shutdown' and a.is_there
      returning *
    ), delivery as (
      insert into communication.delivery (tenant_id, id, message_id, agent_id, state, priority, attempt, max_deliveries, redrive_count, receipt, expires_at, sent_at)
      select m.tenant_id, ${idLike(id)}, m.id, r.id, 'pending', m.priority, 0, m.max_deliveries, 0, 0, m.expires_at, m.sent_at from message m cross join recipient r
    ), entry as (${entry})
    select s.status as sender_status, a.is_there as is_addressed,
           case when exists (select from message) then coalesce((select array_agg(id) from recipient), '{}') end as recipients
      from address a left join sender s on true`.execute(db);
  return sent.rows[0]!;
}
