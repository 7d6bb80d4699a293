import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { SubscriptionRow, TopicRow } from './topic.dto.js';

const COLUMNS = sql`t.name, t.description, t.created_at, t.updated_at,
  (select count(*) from communication.subscription s where s.tenant_id = t.tenant_id and s.topic_name = t.name)::int as subscriber_count`;

/** One topic, by primary key. */
export async function selectTopic(db: Sql, name: string): Promise<TopicRow | undefined> {
  const found = await sql<TopicRow>`select ${COLUMNS} from communication.topic t where t.tenant_id = ${currentTenantId()} and t.name = ${name}`.execute(db);
  return found.rows[0];
}

/** Topics by name, in the order of the primary key. */
export async function selectTopics(db: Sql, limit: number, after: string | null): Promise<TopicRow[]> {
  const beyond = after === null ? sql`` : sql`and t.name > ${after}`;
  const found = await sql<TopicRow>`select ${COLUMNS} from communication.topic t where t.tenant_id = ${currentTenantId()} ${beyond} order by t.name limit ${limit}`.execute(db);
  return found.rows;
}

/** How many topics there are. */
export async function countTopics(db: Sql): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from communication.topic where tenant_id = ${currentTenantId()}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** Makes a topic or gives it the description, with its entry. Returns whether it was made. */
export async function upsertTopic(db: Sql, name: string, description: string | null, now: Date): Promise<boolean> {
  const entry = insertEntry({ action: 'topic.updated', subjectType: 'topic', subjectId: name, newState: { description } }, 'written');
  const written = await sql<{ version: number }>`
    with written as (
      insert into communication.topic as t (tenant_id, name, description, created_at, updated_at) values (${currentTenantId()}, ${name}, ${description}, ${now}, ${now})
      on conflict (tenant_id, name) do update set description = excluded.description, updated_at = excluded.updated_at, version = t.version + 1
      returning name, version
    ), entry as (${entry}) select version from written`.execute(db);
  return written.rows[0]!.version === 1;
}

/** Deletes a topic; its subscriptions go with it, and the entry says how many. False when there is none. */
export async function deleteTopic(db: Sql, name: string): Promise<boolean> {
  const entry = insertEntry({ action: 'topic.deleted', subjectType: 'topic', subjectId: name }, 'gone', {
    previousState: sql`jsonb_build_object('description', gone.description, 'subscriptions', (select count(*) from communication.subscription s where s.tenant_id = gone.tenant_id and s.topic_name = gone.name))`,
  });
  const gone = await sql`
    with gone as (
      delete from communication.topic t where t.tenant_id = ${currentTenantId()} and t.name = ${name} returning t.tenant_id, t.name, t.description
    ), entry as (${entry}) select 1 from gone`.execute(db);
  return gone.rows.length === 1;
}

/** What a subscription came upon, and the subscription, which may have been there. */
export interface SubscribedRow {
  has_topic: boolean;
  has_agent: boolean;
  created_at: Date | null;
}

/** Subscribes an agent, with an entry unless it was already. By primary keys; topic and agent stay until the transaction ends. */
export async function upsertSubscription(db: Sql, topic: string, agentId: string, now: Date): Promise<SubscribedRow> {
  const tenantId = currentTenantId();
  const entry = insertEntry({ action: 'subscription.created', subjectType: 'subscription', subjectId: `${topic}/${agentId}`, agentId, newState: { topic } }, 'made');
  const found = await sql<SubscribedRow>`
    with topic as materialized (
      select t.name from communication.topic t where t.tenant_id = ${tenantId} and t.name = ${topic} for key share
    ), agent as materialized (
      select a.id from agents.agent a where a.tenant_id = ${tenantId} and a.id = ${agentId} for key share
    ), made as (
      insert into communication.subscription (tenant_id, topic_name, agent_id, created_at) select ${tenantId}::uuid, t.name, a.id, ${now}::timestamptz from topic t cross join agent a
      on conflict do nothing returning created_at
    ), entry as (${entry})
    select exists (select from topic) as has_topic, exists (select from agent) as has_agent,
           coalesce((select created_at from made),
                    (select s.created_at from communication.subscription s where s.tenant_id = ${tenantId} and s.topic_name = ${topic} and s.agent_id = ${agentId})) as created_at`.execute(db);
  return found.rows[0]!;
}

/** Ends a subscription, with its entry. False when there is none. */
export async function deleteSubscription(db: Sql, topic: string, agentId: string): Promise<boolean> {
  const entry = insertEntry({ action: 'subscription.deleted', subjectType: 'subscription', subjectId: `${topic}/${agentId}`, agentId, previousState: { topic } }, 'gone');
  const gone = await sql`
    with gone as (
      delete from communication.subscription s where s.tenant_id = ${currentTenantId()} and s.topic_name = ${topic} and s.agent_id = ${agentId} returning 1
    ), entry as (${entry}) select 1 from gone`.execute(db);
  return gone.rows.length === 1;
}

/** The subscriptions of a topic by agent, in the order of the primary key. */
export async function selectSubscriptions(db: Sql, topic: string, limit: number, after: string | undefined): Promise<SubscriptionRow[]> {
  const beyond = after === undefined ? sql`` : sql`and s.agent_id > ${after}::uuid`;
  const found = await sql<SubscriptionRow>`
    select s.topic_name, s.agent_id, s.created_at from communication.subscription s where s.tenant_id = ${currentTenantId()} and s.topic_name = ${topic} ${beyond} order by s.agent_id limit ${limit}`.execute(db);
  return found.rows;
}

/** How many topics an agent is subscribed to. Served by subscription_agent_index. */
export async function countSubscriptionsOf(db: Sql, agentId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from communication.subscription where tenant_id = ${currentTenantId()} and agent_id = ${agentId}`.execute(db);
  return Number(found.rows[0]!.count);
}
