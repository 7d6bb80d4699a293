import { hostname } from 'node:os';
import { newId, releaseLease, takeLease, type Database, type HeldLease } from '@agent-hive/kernel';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Logger } from '../server/logger.js';

/** What a job may use. `signal` aborts when the process shuts down. */
export interface JobContext {
  database: Database;
  orm: MikroORM;
  /** Finds a service of a domain. */
  get<T>(service: abstract new (...args: never[]) => T): T;
  signal: AbortSignal;
}

/** Work that one process of all does at a time. It must be safe to run twice, since a lease can pass on while its holder still runs. */
export interface Job {
  name: string;
  everySeconds: number;
  /** How long its lease outlives the period: until then nobody takes over from a process that was killed. 30 by default. */
  graceSeconds?: number;
  /** Each process has something of its own to do: no lease. */
  everyProcess?: boolean;
  run(context: JobContext): Promise<void>;
}

/** A lease outlives the period, so that its holder's next turn still finds it. */
const GRACE_SECONDS = 30;
/** A server is ready before it is busy with itself. */
const FIRST_RUN_MS = 1_000;

/** Only one process can have an embedded database: one name for all of them lets the successor of a killed one take over at once. */
export const holderOf = (database: Database): string => (database.engine === 'embedded' ? 'embedded' : `${hostname()}:${process.pid}:${newId()}`);

/**
 * Runs jobs by lease: each process asks every period, the one that holds the lease runs. The lease is kept between runs,
 * so a period has one run whatever the number of processes; it is given free when its holder stops.
 */
export class Scheduler {
  readonly #abort = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #running = new Set<Promise<void>>();
  readonly #leases = new Map<string, HeldLease>();

  /** `holder` is the process as leases name it. */
  constructor(
    private readonly context: Omit<JobContext, 'signal'>,
    private readonly log: Logger,
    private readonly holder: string = holderOf(context.database),
  ) {}

  start(jobs: readonly Job[]): void {
    for (const job of jobs) this.#schedule(job, FIRST_RUN_MS);
  }

  /** Runs a job now if the lease is this process's; returns whether it ran. A failure is logged, and the lease given to whom else may do better. */
  async turn(job: Job): Promise<boolean> {
    if (!job.everyProcess && !(await this.#take(job))) return false;
    const started = performance.now();
    try {
      await job.run({ ...this.context, signal: this.#abort.signal });
      this.log.debug({ job: job.name, durationMs: Math.round(performance.now() - started) }, 'job done');
    } catch (error) {
      if (this.#abort.signal.aborted) return true;
      this.log.error({ job: job.name, err: error }, 'job failed');
      await this.#release(job.name);
    }
    return true;
  }

  /** Starts no more jobs, tells those at work, and waits for them. */
  async stop(): Promise<void> {
    this.#abort.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.allSettled(this.#running);
    for (const name of [...this.#leases.keys()]) await this.#release(name);
  }

  async #take({ name, everySeconds, graceSeconds = GRACE_SECONDS }: Job): Promise<boolean> {
    const lease = await takeLease(this.context.orm.em, `job:${name}`, this.holder, everySeconds + graceSeconds);
    if (lease) this.#leases.set(name, lease);
    return lease !== null;
  }

  #schedule(job: Job, delayMs: number): void {
    if (this.#abort.signal.aborted) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      // A lease that cannot be taken (the database is away) must not end the job for good.
      const turn = this.turn(job)
        .catch((error: unknown) => this.log.error({ job: job.name, err: error }, 'job could not take its lease'))
        .then(() => {
          this.#running.delete(turn);
          this.#schedule(job, job.everySeconds * 1000);
        });
      this.#running.add(turn);
    }, delayMs);
    this.#timers.add(timer);
  }

  async #release(name: string): Promise<void> {
    const lease = this.#leases.get(name);
    this.#leases.delete(name);
    if (lease) await releaseLease(this.context.orm.em, lease);
  }
}
