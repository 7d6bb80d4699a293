import { IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { IsLine, PageQuery } from '@agent-hive/kernel/http';

/** Path of a topic. */
export class TopicParams {
  @IsLine()
  @MaxLength(100)
  name: string;
}

/** Path of a subscription. */
export class SubscriptionParams extends TopicParams {
  @IsUUID()
  agentId: string;
}

/** What a topic is about. */
export class PutTopicDto {
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description?: string | null;
}

/** Which topics to list, by name. */
export class TopicQuery extends PageQuery {}

/** Which subscriptions of a topic to list, by agent. */
export class SubscriptionQuery extends PageQuery {}

/** Row of communication.topic as SQL returns it. */
export interface TopicRow {
  name: string;
  description: string | null;
  subscriber_count: number;
  created_at: Date;
  updated_at: Date;
}

/** A name that agents send to and subscribe to. */
export class TopicDto {
  name: string;
  description: string | null;
  subscriberCount: number;
  createdAt: string;
  updatedAt: string;

  static of(row: TopicRow): TopicDto {
    return {
      name: row.name,
      description: row.description,
      subscriberCount: row.subscriber_count,
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
    };
  }
}

/** A page of topics, by name. */
export class TopicPage {
  items: TopicDto[];
  nextCursor: string | null;
  /** Number of all topics, when asked for. */
  total?: number;
}

/** Row of communication.subscription as SQL returns it. */
export interface SubscriptionRow {
  topic_name: string;
  agent_id: string;
  created_at: Date;
}

/** An agent gets what is sent to a topic. */
export class SubscriptionDto {
  topic: string;
  agentId: string;
  createdAt: string;

  static of(row: SubscriptionRow): SubscriptionDto {
    return { topic: row.topic_name, agentId: row.agent_id, createdAt: iso(row.created_at) };
  }
}

/** A page of subscriptions, by agent. */
export class SubscriptionPage {
  items: SubscriptionDto[];
  nextCursor: string | null;
  /** Number of all subscriptions of the topic, when asked for. */
  total?: number;
}
