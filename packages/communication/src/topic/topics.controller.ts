import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { PutTopicDto, SubscriptionDto, SubscriptionPage, SubscriptionParams, SubscriptionQuery, TopicDto, TopicPage, TopicParams, TopicQuery } from './topic.dto.js';
import { TopicsService } from './topics.service.js';

@ApiTags('mail')
@Controller('v1/topics')
export class TopicsController {
  constructor(private readonly topics: TopicsService) {}

  /** Lists topics by name. */
  @Get()
  @Access('mail:read')
  list(@Query() query: TopicQuery): Promise<TopicPage> {
    return this.topics.list(query);
  }

  /** Reads a topic. */
  @Get(':name')
  @Access('mail:read')
  get(@Param() { name }: TopicParams): Promise<TopicDto> {
    return this.topics.get(name);
  }

  /** Makes a topic, or gives it another description. */
  @Put(':name')
  @Access('mail:write')
  @ApiOkResponse({ type: TopicDto })
  @ApiCreatedResponse({ type: TopicDto })
  async upsert(@Param() { name }: TopicParams, @Body() input: PutTopicDto, @Res({ passthrough: true }) reply: FastifyReply): Promise<TopicDto> {
    const { topic, created } = await this.topics.upsert(name, input);
    if (created) void reply.code(201);
    return topic;
  }

  /** Deletes a topic with its subscriptions. */
  @Delete(':name')
  @HttpCode(204)
  @Access('mail:write')
  delete(@Param() { name }: TopicParams): Promise<void> {
    return this.topics.delete(name);
  }

  /** Lists the agents that are subscribed to a topic. */
  @Get(':name/subscriptions')
  @Access('mail:read')
  listSubscriptions(@Param() { name }: TopicParams, @Query() query: SubscriptionQuery): Promise<SubscriptionPage> {
    return this.topics.listSubscriptions(name, query);
  }

  /** Subscribes an agent to a topic: it gets what is sent from now on. */
  @Put(':name/subscriptions/:agentId')
  @Access('mail:receive')
  subscribe(@Param() { name, agentId }: SubscriptionParams): Promise<SubscriptionDto> {
    return this.topics.subscribe(name, agentId.toLowerCase());
  }

  /** Ends a subscription. */
  @Delete(':name/subscriptions/:agentId')
  @HttpCode(204)
  @Access('mail:receive')
  unsubscribe(@Param() { name, agentId }: SubscriptionParams): Promise<void> {
    return this.topics.unsubscribe(name, agentId.toLowerCase());
  }
}
