import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { NotFound, tenantRead, tenantSql } from '@agent-hive/kernel';
import { WakeupsService } from '../claim/wakeups.service.js';
import { SettlementService } from '../task/settlement.service.js';
import { QueueDto, type ConcurrencyLimitDto, type PutConcurrencyLimitDto, type PutQueueDto, type QueuesDto } from './queue.dto.js';
import { selectLimit, selectQueues, upsertLimit, upsertQueue } from './queue.sql.js';

/** Queues and concurrency keys: how much of what may be claimed. */
@Injectable()
export class QueuesService {
  constructor(
    private readonly em: EntityManager,
    private readonly settlement: SettlementService,
    private readonly wakeups: WakeupsService,
  ) {}

  /** All queues by name. A tenant has few, so there are no pages. */
  async list(): Promise<QueuesDto> {
    const rows = await tenantRead(this.em, (db) => selectQueues(db));
    return { items: rows.map((row) => QueueDto.of(row, new Date())) };
  }

  /** One queue. Throws NotFound when nothing is set for it and it has no task. */
  async get(name: string): Promise<QueueDto> {
    const [row] = await tenantRead(this.em, (db) => selectQueues(db, name));
    if (!row) throw new NotFound('queue', name);
    return QueueDto.of(row, new Date());
  }

  /** Sets a queue's weight and limits, for claims from now on. */
  async upsert(name: string, { weight, rateLimit, maxConcurrent }: PutQueueDto): Promise<QueueDto> {
    await tenantSql(this.em, (db) => upsertQueue(db, name, { weight: weight ?? 1, rateLimit: rateLimit ?? null, maxConcurrent: maxConcurrent ?? null }, new Date()));
    this.wakeups.notify();
    return this.get(name);
  }

  /** The limit of a concurrency key: 1 while no other is set. */
  async getLimit(key: string): Promise<ConcurrencyLimitDto> {
    return { key, limit: (await tenantRead(this.em, (db) => selectLimit(db, key))) ?? 1 };
  }

  /** Sets the limit of a concurrency key. More tasks come through at once; with a lower one, those at work go on. */
  async upsertLimit(key: string, { limit }: PutConcurrencyLimitDto): Promise<ConcurrencyLimitDto> {
    await tenantSql(this.em, async (db) => {
      await upsertLimit(db, key, limit, new Date());
      await this.settlement.admitNext(db, [key]);
    });
    return { key, limit };
  }
}
