import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { ConcurrencyLimitDto, ConcurrencyLimitParams, PutConcurrencyLimitDto, PutQueueDto, QueueDto, QueueParams, QueuesDto } from './queue.dto.js';
import { QueuesService } from './queues.service.js';

@ApiTags('tasks')
@Controller('v1')
export class QueuesController {
  constructor(private readonly queues: QueuesService) {}

  /** Lists queues with their depths by status and the age of their oldest ready task. */
  @Get('queues')
  @Access('tasks:read')
  list(): Promise<QueuesDto> {
    return this.queues.list();
  }

  /** Reads a queue. */
  @Get('queues/:name')
  @Access('tasks:read')
  get(@Param() { name }: QueueParams): Promise<QueueDto> {
    return this.queues.get(name);
  }

  /** Sets a queue's weight, rate and number of tasks at once. */
  @Put('queues/:name')
  @Access('tasks:write')
  upsert(@Param() { name }: QueueParams, @Body() input: PutQueueDto): Promise<QueueDto> {
    return this.queues.upsert(name, input);
  }

  /** Reads how many tasks of a concurrency key may be at work at once. */
  @Get('concurrency-limits/:key')
  @Access('tasks:read')
  getLimit(@Param() { key }: ConcurrencyLimitParams): Promise<ConcurrencyLimitDto> {
    return this.queues.getLimit(key);
  }

  /** Sets how many tasks of a concurrency key may be at work at once. */
  @Put('concurrency-limits/:key')
  @Access('tasks:write')
  upsertLimit(@Param() { key }: ConcurrencyLimitParams, @Body() input: PutConcurrencyLimitDto): Promise<ConcurrencyLimitDto> {
    return this.queues.upsertLimit(key, input);
  }
}
