import { Unavailable } from '@agent-hive/kernel';
import type { FastifyInstance } from 'fastify';

/** Routes that tell how the process is: they answer to the end and are never waited for. */
const PROBES: ReadonlySet<string | undefined> = new Set(['/livez', '/readyz', '/metrics']);

/** For how long new requests are still answered, since clients have sent some before they know. */
const GRACE_MS = 500;

/**
 * Ends the service without cutting anybody off.
 *
 *   serving --begin()--> draining: readiness is 503, new work is refused (503), work in flight goes on
 *                           '--settled()--> half a second has passed and nothing is in flight, or its time is up
 *
 * The listener stays open while it drains, since a probe that finds it closed cannot tell draining from dead.
 */
export class Drain {
  #inFlight = 0;
  #draining = false;
  #onIdle: (() => void) | undefined;

  get draining(): boolean {
    return this.#draining;
  }

  /** Requests that are being answered, probes aside. */
  get inFlight(): number {
    return this.#inFlight;
  }

  install(fastify: FastifyInstance): void {
    // A client that keeps its connection must look for another process. The header goes with whatever is sent last, which may be
    // the answer to a request from before: without it, the next request on that connection would meet its end.
    fastify.addHook('onSend', (_request, reply, payload, done) => {
      if (this.#draining) void reply.header('connection', 'close');
      done(null, payload);
    });
    fastify.addHook('onRequest', (request, reply, done) => {
      if (PROBES.has(request.routeOptions.url)) return done();
      if (this.#draining) return done(new Unavailable('This process is shutting down: repeat the request, another one will answer it', 1, 'draining'));
      this.#inFlight++;
      // `close` comes after the last byte and after a client that went away, so it balances every request.
      reply.raw.once('close', () => this.#leave());
      done();
    });
  }

  begin(): void {
    this.#draining = true;
  }

  /**
   * Waits for the requests in flight, and for a moment even without any: a client that keeps its connection and hears nothing
   * sends its next request into one that is cut. Resolves with how many were left when the time was up.
   */
  async settled(timeoutMs: number): Promise<number> {
    const graceMs = Math.min(GRACE_MS, timeoutMs / 2);
    await new Promise((resolve) => setTimeout(resolve, graceMs));
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs - graceMs);
        this.#onIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#inFlight;
  }

  #leave(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#onIdle?.();
  }
}
