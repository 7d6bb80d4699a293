import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { SessionsService } from '@agent-hive/agents';
import { afterCommit, currentTenantId, runAs, servicePrincipal } from '@agent-hive/kernel';

/** How often messages of other processes are looked for. */
const POLL_MS = 500;
const CHUNK = 1_000;

/** What a process knows of a session that somebody reads, and what wakes those who wait. */
interface Watched {
  sequence: number;
  readers: number;
  waiting: Set<() => void>;
}

/** A reader's place at a session. */
export interface Watch {
  /** The highest sequence that is known to be committed. */
  readonly sequence: number;
  /** Waits until the session is known to be beyond a sequence, the signal aborts, or the time is over. */
  wait(beyond: number, timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * Tells readers that a session has advanced: at once when it was this process that wrote, within half a second when it was another.
 * One poller serves all readers: a statement for each tenant that has some, by the primary keys of their sessions. Nothing is held
 * while they wait.
 */
@Injectable()
export class SessionWatch implements OnApplicationShutdown {
  private readonly tenants = new Map<string, Map<string, Watched>>();
  private readonly log = new Logger(SessionWatch.name);
  private timer: NodeJS.Timeout | null = null;
  private isClosed = false;

  constructor(
    private readonly em: EntityManager,
    private readonly sessions: SessionsService,
  ) {}

  /** How many sessions are read in this process. */
  get size(): number {
    return [...this.tenants.values()].reduce((sum, sessions) => sum + sessions.size, 0);
  }

  /** Wakes the readers of a session of the running tenant, once what was written is committed. */
  notify(sessionId: string, sequence: number): void {
    const tenantId = currentTenantId();
    afterCommit(() => this.advance(this.tenants.get(tenantId)?.get(sessionId), sequence));
  }

  /** Watches a session of the running tenant, until it is closed. */
  watch(sessionId: string): Watch {
    const tenantId = currentTenantId();
    const sessions = this.tenants.get(tenantId) ?? new Map<string, Watched>();
    this.tenants.set(tenantId, sessions);
    const watched = sessions.get(sessionId) ?? { sequence: 0, readers: 0, waiting: new Set<() => void>() };
    sessions.set(sessionId, watched);
    watched.readers++;
    this.schedule();
    let isOpen = true;
    return {
      get sequence() {
        return watched.sequence;
      },
      wait: (beyond, timeoutMs, signal) => waitFor(watched, beyond, timeoutMs, signal),
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        if (--watched.readers > 0) return;
        sessions.delete(sessionId);
        if (sessions.size === 0 && this.tenants.get(tenantId) === sessions) this.tenants.delete(tenantId);
      },
    };
  }

  onApplicationShutdown(): void {
    this.isClosed = true;
    if (this.timer) clearTimeout(this.timer);
  }

  private advance(watched: Watched | undefined, sequence: number): void {
    if (!watched || sequence <= watched.sequence) return;
    watched.sequence = sequence;
    for (const wake of [...watched.waiting]) wake();
  }

  private schedule(): void {
    if (this.timer || this.isClosed || this.tenants.size === 0) return;
    this.timer = setTimeout(() => {
      void this.poll().finally(() => {
        this.timer = null;
        this.schedule();
      });
    }, POLL_MS);
  }

  private async poll(): Promise<void> {
    for (const [tenantId, sessions] of [...this.tenants]) {
      try {
        const ids = [...sessions.keys()];
        for (let from = 0; from < ids.length; from += CHUNK) {
          const positions = await runAs(this.em, servicePrincipal(tenantId, 'streams'), () => this.sessions.positions(ids.slice(from, from + CHUNK)));
          for (const [id, sequence] of positions) this.advance(sessions.get(id), sequence);
        }
      } catch (error) {
        // The next look comes by itself; readers fail by their own reads when the database stays away.
        this.log.warn(`The sessions of tenant ${tenantId} that are read could not be looked at: ${String(error)}`);
      }
    }
  }
}

async function waitFor(watched: Watched, beyond: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
  if (watched.sequence > beyond || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      watched.waiting.delete(done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, timeoutMs);
    signal.addEventListener('abort', done);
    watched.waiting.add(done);
  });
}
