import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { SessionsService } from '@agent-hive/agents';
import { currentTenantId, type Watch } from '@agent-hive/kernel';
import { EventStreams, lastSequence, type StreamEvent } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { MessagesService } from './messages.service.js';
import { SessionWatch } from './session-watch.service.js';

/** One look at what comes after a position. All that was committed up to `known` is in it. */
interface Look {
  events: StreamEvent[];
  known: number;
}

/** Messages of sessions as they come. The id of an event is its sequence, so a reader goes on from there in any process. */
@Injectable()
export class MessageStreamsService {
  /** Looks under way: readers at one place of one session share them, so a new message is read once and not once for each. */
  private readonly looks = new Map<string, Promise<Look>>();

  constructor(
    private readonly streams: EventStreams,
    private readonly sessions: SessionsService,
    private readonly messages: MessagesService,
    private readonly watches: SessionWatch,
  ) {}

  /** Messages after the last one that the reader has, each once. Throws NotFound, or Invalid on a Last-Event-ID that is no sequence. */
  async open(reply: FastifyReply, sessionId: string, lastEventId: string | undefined, after: number): Promise<Readable> {
    const last = lastSequence(lastEventId);
    await this.sessions.get(sessionId);
    const watch = this.watches.watch(sessionId);
    let known = 0;
    return this.streams.open(reply, last ?? String(after), {
      next: async (position) => {
        const look = await this.look(sessionId, position, watch);
        known = look.known;
        return look.events;
      },
      wait: (timeoutMs, signal) => watch.wait(known, timeoutMs, signal),
      close: () => watch.close(),
    });
  }

  private look(sessionId: string, position: string, watch: Watch): Promise<Look> {
    const key = `${currentTenantId()} ${sessionId} ${position}`;
    const shared = this.looks.get(key);
    if (shared) return shared;
    const known = watch.sequence;
    const look = this.messages
      .listAfter(sessionId, Number(position))
      .then((messages) => ({ known, events: messages.map((message) => ({ id: String(message.sequence), data: message })) }))
      .finally(() => this.looks.delete(key));
    this.looks.set(key, look);
    return look;
  }
}
