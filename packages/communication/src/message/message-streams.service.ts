import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { SessionsService } from '@agent-hive/agents';
import { Invalid } from '@agent-hive/kernel';
import { EventStreams } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { MessagesService } from './messages.service.js';
import { SessionWatch } from './session-watch.service.js';

const SEQUENCE = /^\d{1,15}$/;

/** Messages of sessions as they come. The id of an event is its sequence, so a reader goes on from there in any process. */
@Injectable()
export class MessageStreamsService {
  constructor(
    private readonly streams: EventStreams,
    private readonly sessions: SessionsService,
    private readonly messages: MessagesService,
    private readonly watches: SessionWatch,
  ) {}

  /** Messages after the last one that the reader has, each once. Throws NotFound, or Invalid on a Last-Event-ID that is no sequence. */
  async open(reply: FastifyReply, sessionId: string, lastEventId: string | undefined, after: number): Promise<Readable> {
    if (lastEventId !== undefined && !SEQUENCE.test(lastEventId)) {
      throw new Invalid('Last-Event-ID must be the id of an event of this stream', [{ pointer: '/headers/last-event-id', message: 'must be a sequence' }]);
    }
    await this.sessions.get(sessionId);
    const watch = this.watches.watch(sessionId);
    reply.raw.once('close', () => watch.close());
    return this.streams.open(reply, lastEventId ?? String(after), {
      next: async (position) => {
        watch.look();
        const messages = await this.messages.listAfter(sessionId, Number(position));
        return messages.map((message) => ({ id: String(message.sequence), data: message }));
      },
      wait: (timeoutMs, signal) => watch.wait(timeoutMs, signal),
    });
  }
}
