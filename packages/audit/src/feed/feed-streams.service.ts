import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { currentTenantId } from '@agent-hive/kernel';
import { EventStreams, lastSequence } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { EventDto, type EventStreamQuery } from './event.dto.js';
import { EventsService, requireReached, type Look } from './events.service.js';
import { FeedWatch } from './feed-watch.service.js';
import { matches, patternsOf, type Patterns } from './pattern.js';

/** Events that are read at once, and kept in memory for one reader at most. */
const BATCH = 100;

/** The feed as it grows. The id of an event is its sequence, so a reader goes on from there in any process. */
@Injectable()
export class FeedStreamsService {
  /** Looks under way: readers at one place share them, so a new event is read once and not once for each. */
  private readonly looks = new Map<string, Promise<Look>>();

  constructor(
    private readonly streams: EventStreams,
    private readonly events: EventsService,
    private readonly watches: FeedWatch,
  ) {}

  /** Events after the last one that the reader has, each once. Throws Invalid on a Last-Event-ID that is no sequence, or on a position that the feed has not reached. */
  async open(reply: FastifyReply, lastEventId: string | undefined, { after, action }: EventStreamQuery): Promise<Readable> {
    const last = lastSequence(lastEventId);
    const head = await this.events.head();
    const start = last === undefined ? (after ?? head) : Number(last);
    requireReached(start, head, last === undefined ? '/after' : '/headers/last-event-id');
    const patterns = patternsOf(action);
    const watch = this.watches.watch();
    let scannedTo = start;
    return this.streams.open(reply, String(start), {
      // A filter leaves events out: how far the reader is, the id of the last one that it was sent does not tell.
      next: async () => {
        for (;;) {
          const { rows, head: newest, ...seen } = await this.look(scannedTo, watch.sequence, patterns);
          scannedTo = seen.scannedTo;
          const wanted = rows.filter((row) => matches(row.action, patterns));
          if (wanted.length > 0 || scannedTo >= newest) return wanted.map((row) => ({ id: String(row.sequence), data: EventDto.of(row) }));
        }
      },
      wait: (timeoutMs, signal) => watch.wait(scannedTo, timeoutMs, signal),
      close: () => watch.close(),
    });
  }

  /** Readers near the end share what they read, whatever their filters; the database filters for those who are far behind. */
  private look(after: number, head: number, patterns: Patterns | undefined): Promise<Look> {
    const own = head - after > BATCH ? patterns : undefined;
    const key = `${currentTenantId()} ${after} ${JSON.stringify(own)}`;
    const shared = this.looks.get(key);
    if (shared) return shared;
    const look = this.events.after(after, BATCH, own).finally(() => this.looks.delete(key));
    this.looks.set(key, look);
    return look;
  }
}
