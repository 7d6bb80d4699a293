import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, runAs, servicePrincipal } from '@agent-hive/kernel';
import { EventsService } from './events.service.js';

/** How often what was sealed, by whatever process, is looked for. */
const POLL_MS = 500;

/** What the process knows of a tenant's feed that somebody reads, and what wakes those who wait. */
interface Watched {
  sequence: number;
  readers: number;
  waiting: Set<() => void>;
}

/** A reader's place at a feed. */
export interface Watch {
  /** The newest sequence that is known. */
  readonly sequence: number;
  /** Waits until the feed is known to be beyond a sequence, the signal aborts, or the time is over. */
  wait(beyond: number, timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * Tells readers that the feed has grown, within half a second whichever process has sealed. One poller serves all readers: one
 * statement for each tenant that has some, by primary key. Nothing is held while they wait.
 */
@Injectable()
export class FeedWatch implements OnApplicationShutdown {
  private readonly tenants = new Map<string, Watched>();
  private readonly log = new Logger(FeedWatch.name);
  private timer: NodeJS.Timeout | null = null;
  private isClosed = false;

  constructor(
    private readonly em: EntityManager,
    private readonly events: EventsService,
  ) {}

  /** How many readers there are in this process. */
  get size(): number {
    return [...this.tenants.values()].reduce((sum, { readers }) => sum + readers, 0);
  }

  /** Watches the feed of the running tenant, until it is closed. */
  watch(): Watch {
    const tenantId = currentTenantId();
    const watched = this.tenants.get(tenantId) ?? { sequence: 0, readers: 0, waiting: new Set<() => void>() };
    this.tenants.set(tenantId, watched);
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
        if (--watched.readers === 0) this.tenants.delete(tenantId);
      },
    };
  }

  onApplicationShutdown(): void {
    this.isClosed = true;
    if (this.timer) clearTimeout(this.timer);
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
    for (const [tenantId, watched] of [...this.tenants]) {
      try {
        const sequence = await runAs(this.em, servicePrincipal(tenantId, 'streams'), () => this.events.head());
        if (sequence <= watched.sequence) continue;
        watched.sequence = sequence;
        for (const wake of [...watched.waiting]) wake();
      } catch (error) {
        // The next look comes by itself; readers fail by their own reads when the database stays away.
        this.log.warn(`The feed of tenant ${tenantId} could not be looked at: ${String(error)}`);
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
