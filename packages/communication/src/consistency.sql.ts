import { mayBeArchived, type ConsistencyCheck } from '@agent-hive/audit';
import { currentTenantId } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** What must hold of messages of sessions, and of mail. Retention takes out both, each row by its age, and leaves its proof. */
export const CONSISTENCY_CHECKS: readonly ConsistencyCheck[] = [
  {
    // By message_session_index: one probe a session and month.
    name: 'communication.message-sequences',
    description: 'No message of a session lies beyond the last sequence of the session.',
    subjectType: 'session',
    violations: () => sql`
      select s.id from agents.session s
       where s.tenant_id = ${currentTenantId()} and exists (select from communication.message m where m.tenant_id = ${currentTenantId()} and m.session_id = s.id and m.sequence > s.last_sequence)`,
  },
  {
    // Messages by primary key, in the one month of the id.
    name: 'communication.last-messages',
    description: 'The message of a session with the greatest id is there, and of that session, unless retention has taken it out.',
    subjectType: 'session',
    violations: () => sql`
      select s.id from agents.session s
       where s.tenant_id = ${currentTenantId()} and s.last_message_id is not null
         and not exists (select from communication.message m where m.tenant_id = ${currentTenantId()} and m.id = s.last_message_id and m.session_id = s.id)
         and not ${mayBeArchived('communication.message', sql`s.last_message_id`)}`,
  },
  {
    // A walk over the deliveries; messages by primary key, in the one month of the id. An erasure takes out deliveries with their messages.
    name: 'communication.delivery-messages',
    description: 'The message of a delivery is there, unless retention has taken it out.',
    subjectType: 'delivery',
    violations: () => sql`
      select d.id from communication.delivery d
       where d.tenant_id = ${currentTenantId()} and not exists (select from communication.agent_message m where m.tenant_id = ${currentTenantId()} and m.id = d.message_id)
         and not ${mayBeArchived('communication.agent_message', sql`d.message_id`)}`,
  },
  {
    // A walk over the deliveries; agents by primary key. A plain id (docs/adr/0015); an agent with deliveries is not deleted.
    name: 'communication.delivery-agents',
    description: 'The agent of a delivery is there.',
    subjectType: 'delivery',
    violations: () => sql`
      select d.id from communication.delivery d
       where d.tenant_id = ${currentTenantId()} and not exists (select from agents.agent a where a.tenant_id = d.tenant_id and a.id = d.agent_id)`,
  },
  {
    // Agents are found one by one, and the last numbered delivery of each by delivery_sequence_index; inboxes by primary key.
    name: 'communication.inboxes',
    description: 'No delivery has a place in the stream of an inbox beyond the last that the inbox gave.',
    subjectType: 'agent',
    violations: () => sql`
      select a.id from agents.agent a
       cross join lateral (select d.sequence from communication.delivery d where d.tenant_id = ${currentTenantId()} and d.agent_id = a.id and d.sequence is not null order by d.sequence desc limit 1) last
        left join communication.inbox i on i.tenant_id = a.tenant_id and i.agent_id = a.id
       where a.tenant_id = ${currentTenantId()} and last.sequence > coalesce(i.last_sequence, 0)`,
  },
  {
    // A walk over the messages; deliveries by delivery_message_unique. There are fewer once retention or an erasure has taken some out.
    name: 'communication.recipients',
    description: 'A message between agents has no more deliveries than recipients.',
    subjectType: 'agent_message',
    violations: () => sql`
      select m.id from communication.agent_message m
       where m.tenant_id = ${currentTenantId()} and m.recipient_count < (select count(*) from communication.delivery d where d.tenant_id = ${currentTenantId()} and d.message_id = m.id)`,
  },
];
