import type { FastifyInstance } from 'fastify';

/** Answered as 429 by the problem filter. */
class TooManyRequests extends Error {
  readonly statusCode = 429;
}

/**
 * A token bucket per caller: it holds one second's worth and refills evenly, so a caller that stays under the limit is
 * never refused, whatever the clock says.
 */
export class RateLimit {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(
    private readonly perSecond: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Takes one token; 0 when there was one, else in how many milliseconds there will be. */
  take(caller: string): number {
    const now = this.now();
    const bucket = this.#buckets.get(caller) ?? { tokens: this.perSecond, at: now };
    bucket.tokens = Math.min(this.perSecond, bucket.tokens + ((now - bucket.at) * this.perSecond) / 1000);
    bucket.at = now;
    this.#buckets.set(caller, bucket);
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) * 1000) / this.perSecond);
    bucket.tokens -= 1;
    return 0;
  }

  /** Forgets callers whose bucket is full again: they are as if they had never called. */
  sweep(): void {
    const full = this.now() - 1000;
    for (const [caller, bucket] of this.#buckets) if (bucket.at <= full) this.#buckets.delete(caller);
  }

  get callers(): number {
    return this.#buckets.size;
  }
}

const SWEEP_MS = 10_000;

/** Limits each API key; whoever has none is limited by what the guard refuses. 0 is no limit. */
export function limitRate(fastify: FastifyInstance, perSecond: number): void {
  if (perSecond === 0) return;
  const limit = new RateLimit(perSecond);
  const sweeper = setInterval(() => limit.sweep(), SWEEP_MS).unref();
  fastify.addHook('onClose', (_instance, done) => {
    clearInterval(sweeper);
    done();
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    const principal = request.hive?.principal;
    if (!principal) return done();
    const waitMs = limit.take(principal.keyId ?? `${principal.tenantId}:${principal.actor.id ?? principal.actor.name}`);
    if (waitMs === 0) return done();
    void reply.header('retry-after', String(Math.ceil(waitMs / 1000)));
    done(new TooManyRequests(`This key may send ${perSecond} requests a second: the next one in ${waitMs} ms`));
  });
}
