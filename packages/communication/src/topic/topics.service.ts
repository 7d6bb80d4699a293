import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, decodeCursor, decodeIdCursor, Forbidden, NotFound, pageOf, requireContext, tenantRead, tenantStatement, type Page } from '@agent-hive/kernel';
import { SubscriptionDto, TopicDto, type PutTopicDto, type SubscriptionQuery, type TopicQuery } from './topic.dto.js';
import { countTopics, deleteSubscription, deleteTopic, selectSubscriptions, selectTopic, selectTopics, upsertSubscription, upsertTopic } from './topic.sql.js';

/** Topics, and who is subscribed to them. */
@Injectable()
export class TopicsService {
  constructor(private readonly em: EntityManager) {}

  /** One topic. Throws NotFound. */
  async get(name: string): Promise<TopicDto> {
    const row = await tenantRead(this.em, (db) => selectTopic(db, name));
    if (!row) throw new NotFound('topic', name);
    return TopicDto.of(row);
  }

  /** A page of topics, by name. */
  async list({ limit, cursor, total }: TopicQuery): Promise<Page<TopicDto>> {
    const after = decodeCursor(cursor, 1);
    return tenantRead(this.em, async (db) => {
      const rows = await selectTopics(db, limit + 1, after === null ? null : String(after[0]));
      const page: Page<TopicDto> = pageOf(rows, limit, (row) => [row.name], (row) => TopicDto.of(row));
      if (total) page.total = await countTopics(db);
      return page;
    });
  }

  /** Makes a topic, or gives it another description. */
  async upsert(name: string, { description }: PutTopicDto): Promise<{ topic: TopicDto; created: boolean }> {
    const created = await tenantStatement(this.em, (db) => upsertTopic(db, name, description ?? null, new Date()));
    return { topic: await this.get(name), created };
  }

  /** Deletes a topic with its subscriptions; what was sent to it stays. Throws NotFound. */
  async delete(name: string): Promise<void> {
    if (!(await tenantStatement(this.em, (db) => deleteTopic(db, name)))) throw new NotFound('topic', name);
  }

  /** Subscribes an agent to a topic; again, it changes nothing. Throws NotFound on either, Forbidden when an agent speaks for another. */
  async subscribe(name: string, agentId: string): Promise<SubscriptionDto> {
    requireSelf(agentId);
    const found = await tenantStatement(this.em, (db) => upsertSubscription(db, name, agentId, new Date()));
    if (!found.has_topic) throw new NotFound('topic', name);
    if (!found.has_agent) throw new NotFound('agent', agentId);
    return SubscriptionDto.of({ topic_name: name, agent_id: agentId, created_at: found.created_at! });
  }

  /** Ends a subscription; what was sent before is delivered. Throws NotFound, or Forbidden when an agent speaks for another. */
  async unsubscribe(name: string, agentId: string): Promise<void> {
    requireSelf(agentId);
    if (!(await tenantStatement(this.em, (db) => deleteSubscription(db, name, agentId)))) throw new NotFound('subscription', `${name}/${agentId}`);
  }

  /** A page of the agents that are subscribed to a topic. Throws NotFound. */
  async listSubscriptions(name: string, { limit, cursor, total }: SubscriptionQuery): Promise<Page<SubscriptionDto>> {
    const after = decodeIdCursor(cursor);
    return tenantRead(this.em, async (db) => {
      const topic = await selectTopic(db, name);
      if (!topic) throw new NotFound('topic', name);
      const rows = await selectSubscriptions(db, name, limit + 1, after);
      const page: Page<SubscriptionDto> = pageOf(rows, limit, (row) => [row.agent_id], (row) => SubscriptionDto.of(row));
      if (total) page.total = topic.subscriber_count;
      return page;
    });
  }
}

function requireSelf(agentId: string): void {
  const { actor } = requireContext().principal;
  if (actor.type === 'agent' && actor.id !== agentId) throw new Forbidden(`Agent ${actor.id} of tenant ${currentTenantId()} cannot subscribe agent ${agentId}`, 'not-yours');
}
