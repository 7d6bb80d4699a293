import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { AgentsService } from '@agent-hive/agents';
import { Refused, tenantRead, tenantSql, type Sql } from '@agent-hive/kernel';
import { EventStreams, lastSequence, type StreamEvent } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { ArrivalsService } from './arrivals.service.js';
import { AnnouncedDto } from './delivery.dto.js';
import { requireOwn } from './inbox.service.js';
import { hasUnnumbered, lockInbox, numberDeliveries, selectNumbered, selectStart, type StreamedRow } from './inbox-stream.sql.js';

/** Tells agents what comes into their inboxes, as it comes. The id of an event is the delivery's place in the inbox, so a reader goes on from there in any process. */
@Injectable()
export class InboxStreamsService {
  constructor(
    private readonly em: EntityManager,
    private readonly streams: EventStreams,
    private readonly agents: AgentsService,
    private readonly arrivals: ArrivalsService,
  ) {}

  /**
   * Deliveries after the last one that the reader has, each once; without one, from the oldest that has not ended. Nothing is handed
   * out by it. Throws NotFound, Forbidden on another agent's, Refused when it is shut down, Invalid on a Last-Event-ID that is no place.
   */
  async open(reply: FastifyReply, agentId: string, lastEventId: string | undefined): Promise<Readable> {
    requireOwn(agentId);
    const last = lastSequence(lastEventId);
    const agent = await this.agents.get(agentId);
    if (agent.status === 'shutdown') throw new Refused(`agent ${agentId} is shut down: it must become initializing before it reads its inbox`, 'agent-shutdown');
    const start = last ?? String(await tenantRead(this.em, (db) => selectStart(db, agentId)));
    return this.streams.open(reply, start, {
      next: (after) => this.next(agentId, Number(after)),
      wait: (timeoutMs, signal) => this.arrivals.wait(agentId, timeoutMs, signal),
    });
  }

  /** What comes after a place. What nobody has numbered yet is numbered once all that is has been told. */
  private async next(agentId: string, after: number): Promise<StreamEvent[]> {
    const look = async (db: Sql) => ({ rows: await selectNumbered(db, agentId, after, new Date()), isBehind: await hasUnnumbered(db, agentId) });
    const { rows, isBehind } = await tenantRead(this.em, look);
    if (rows.length > 0 || !isBehind) return rows.map(eventOf);
    await tenantSql(this.em, async (db) => numberDeliveries(db, agentId, await lockInbox(db, agentId)));
    return (await tenantRead(this.em, look)).rows.map(eventOf);
  }
}

const eventOf = (row: StreamedRow): StreamEvent => ({ id: String(row.sequence), data: AnnouncedDto.of(row) });
