import { Injectable, Logger } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, runAs, servicePrincipal, Wakeups } from '@agent-hive/kernel';
import { sealedTopic } from '../sealing/sealing.service.js';
import { EventsService } from './events.service.js';

/** How often what other processes have sealed is looked for. */
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
 * Tells readers that the feed has grown: at once when it was this process that sealed, within half a second when it was another. All
 * readers of a tenant share one look, a statement by primary key. Nothing is held while they wait.
 */
@Injectable()
export class FeedWatch {
  private readonly tenants = new Map<string, Watched>();
  private readonly log = new Logger(FeedWatch.name);

  constructor(
    private readonly em: EntityManager,
    private readonly events: EventsService,
    private readonly wakeups: Wakeups,
  ) {}

  /** How many readers there are in this process. */
  get size(): number {
    return [...this.tenants.values()].reduce((sum, { readers }) => sum + readers, 0);
  }

  /** Watches the feed of the running tenant, until it is closed. */
  watch(): Watch {
    const tenantId = currentTenantId();
    const known = this.tenants.get(tenantId);
    const watched = known ?? { sequence: 0, readers: 0, waiting: new Set<() => void>() };
    watched.readers++;
    if (!known) {
      this.tenants.set(tenantId, watched);
      void this.follow(tenantId, watched);
    }
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

  /** Looks again and again, as long as somebody reads and the process does not shut down. */
  private async follow(tenantId: string, watched: Watched): Promise<void> {
    do {
      try {
        const sequence = await runAs(this.em, servicePrincipal(tenantId, 'streams'), () => this.events.head());
        if (sequence > watched.sequence) {
          watched.sequence = sequence;
          for (const wake of [...watched.waiting]) wake();
        }
      } catch (error) {
        // The next look comes by itself; readers fail by their own reads when the database stays away.
        this.log.warn(`The feed of tenant ${tenantId} could not be looked at: ${String(error)}`);
      }
    } while (watched.readers > 0 && (await this.wakeups.wait(sealedTopic(tenantId), POLL_MS)) && watched.readers > 0);
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
