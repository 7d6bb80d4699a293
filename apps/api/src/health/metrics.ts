import { Database } from '@agent-hive/kernel';
import { MikroORM } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { poolStatus } from './pool.js';

/** From a claim that hits an index to an answer that somebody noticed. */
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The job runs hourly, in the process that holds its lease: figures of one that lost it say nothing any more. */
const INCONSISTENCIES_MAX_AGE_MS = 7_200_000;

/** The figures of this process. No label carries a tenant, an id or a path as it was sent: the number of series stays fixed. */
@Injectable()
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer, by route pattern, method and class of status',
    labelNames: ['route', 'method', 'status'],
    buckets: BUCKETS_SECONDS,
    registers: [this.#registry],
  });
  #inconsistencies: { counts: ReadonlyMap<string, number>; at: number } | null = null;

  constructor(database: Database, orm: MikroORM) {
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({
      name: 'hive_database_connections',
      help: 'Connections of this process to the primary database: used, idle; and callers waiting for one',
      labelNames: ['state'],
      registers: [this.#registry],
      async collect() {
        const pool = await poolStatus(database, orm);
        if (!pool) return;
        for (const state of ['used', 'idle', 'waiting'] as const) this.set({ state }, pool[state]);
      },
    });
    const inconsistencies = () => this.#inconsistencies;
    new Gauge({
      name: 'hive_inconsistencies',
      help: 'What violates a consistency check, by check, as the last hourly run found; only of the process that ran it',
      labelNames: ['check'],
      registers: [this.#registry],
      collect() {
        this.reset();
        const last = inconsistencies();
        if (!last || Date.now() - last.at > INCONSISTENCIES_MAX_AGE_MS) return;
        for (const [check, count] of last.counts) this.set({ check }, count);
      },
    });
  }

  /** Takes what a run of the consistency checks has found: by check, violations over all tenants. */
  setInconsistencies(counts: ReadonlyMap<string, number>): void {
    this.#inconsistencies = { counts, at: Date.now() };
  }

  /** Counts every answer. A request that met no route counts under `none`, whatever its path. */
  install(fastify: FastifyInstance): void {
    fastify.addHook('onResponse', (request, reply, done) => {
      // How long somebody reads a stream is no latency.
      if (reply.getHeader('content-type') === 'text/event-stream') return done();
      const status = `${Math.floor(reply.statusCode / 100)}xx`;
      this.#requests.observe({ route: request.routeOptions.url ?? 'none', method: request.method, status }, reply.elapsedTime / 1000);
      done();
    });
  }

  read(): Promise<string> {
    return this.#registry.metrics();
  }
}
