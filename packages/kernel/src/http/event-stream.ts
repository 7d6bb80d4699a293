import { Readable } from 'node:stream';
import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { requireContext, runInContext } from '../context.js';
import { Invalid } from '../errors.js';

/** One event. `id` is its durable position: whoever sends it back as Last-Event-ID gets what comes after. */
export interface StreamEvent {
  id: string;
  data: object;
}

/** What a stream is fed from. Each call is in the context of the request; none may keep a connection or a transaction. */
export interface EventSource {
  /** The next events after a position, oldest first; none while there are none. As many as may be kept in memory for one reader. */
  next(after: string): Promise<StreamEvent[]>;
  /** Waits until there may be more, the signal aborts, or the time is over; a look follows in any case. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<unknown>;
  /** The reader is gone, be it before the stream has begun. */
  close?(): void;
}

/**
 * Limits of a stream, in milliseconds: the silence after which a comment tells that the other side is there; for how long a
 * reader may leave what it was sent before it is cut off; and after how long it must come back, with a key that is still good.
 */
export const STREAM_LIMITS = { keepAliveMs: 15_000, slowReaderMs: 30_000, lifetimeMs: 900_000 };

const SEQUENCE = /^\d{1,15}$/;

/** The position that a reader sends back, when there is one. Throws Invalid on what is no sequence. */
export function lastSequence(lastEventId: string | undefined): string | undefined {
  if (lastEventId === undefined || SEQUENCE.test(lastEventId)) return lastEventId;
  throw new Invalid('Last-Event-ID must be the id of an event of this stream', [{ pointer: '/headers/last-event-id', message: 'must be a sequence' }]);
}

const frame = ({ id, data }: StreamEvent): string => `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;

/** Every stream of server-sent events that the process has open. */
@Injectable()
export class EventStreams implements BeforeApplicationShutdown {
  /** One for each reader; aborting it ends the stream. */
  readonly readers = new Set<AbortController>();
  #isClosed = false;

  /**
   * The body of an answer: events after a position, for as long as the reader is there. Their ids are positions; keep-alives have
   * none. The source is asked for more only once the reader has taken what it was sent, so nothing piles up.
   */
  open(reply: FastifyReply, after: string, source: EventSource, limits: Partial<typeof STREAM_LIMITS> = {}): Readable {
    const { keepAliveMs, slowReaderMs, lifetimeMs } = { ...STREAM_LIMITS, ...limits };
    const [context, end, until] = [requireContext(), new AbortController(), Date.now() + lifetimeMs];
    if (this.#isClosed) end.abort();
    this.readers.add(end);
    let slow: NodeJS.Timeout | undefined;
    const close = () => {
      clearTimeout(slow);
      end.abort();
      this.readers.delete(end);
      source.close?.();
    };
    // Who left while the request was being looked at has told so already.
    if (reply.raw.closed) close();
    else reply.raw.once('close', close);
    async function* frames(): AsyncGenerator<string> {
      let text = 'retry: 1000\n\n'; // milliseconds after which a browser comes back
      for (let [at, silentSince] = [after, Date.now()]; Date.now() < until; ) {
        if (text !== '') {
          // Suspended here until the reader has taken what was sent before.
          slow = setTimeout(() => reply.raw.destroy(), slowReaderMs);
          yield text;
          clearTimeout(slow);
          silentSince = Date.now();
        }
        if (end.signal.aborted) return;
        const events = await runInContext(context, () => source.next(at));
        at = events.at(-1)?.id ?? at;
        text = events.map(frame).join('');
        const quietMs = Math.min(silentSince + keepAliveMs, until) - Date.now();
        if (text === '' && quietMs > 0) await runInContext(context, () => source.wait(quietMs, end.signal));
        else if (text === '') text = ': keep-alive\n\n';
      }
    }
    // The connection ends with the stream: one that was kept would hold up the shutdown that the stream made way for.
    void reply.headers({ 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no', connection: 'close' });
    return Readable.from(frames(), { objectMode: false });
  }

  /** Ends every stream, now and from now on: the process shuts down, and readers go on elsewhere from where they were. */
  beforeApplicationShutdown(): void {
    this.#isClosed = true;
    for (const end of this.readers) end.abort();
  }
}
