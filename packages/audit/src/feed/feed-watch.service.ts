import { Injectable, Logger } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, runAs, servicePrincipal, Wakeups, Watched, type Watch } from '@agent-hive/kernel';
import { sealedTopic } from '../sealing/sealing.service.js';
import { EventsService } from './events.service.js';

/** How often what other processes have sealed is looked for. */
const POLL_MS = 500;

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
    const watched = known ?? new Watched();
    const watch = watched.open(() => this.tenants.delete(tenantId));
    if (!known) {
      this.tenants.set(tenantId, watched);
      void this.follow(tenantId, watched);
    }
    return watch;
  }

  /** Looks again and again, as long as somebody reads and the process does not shut down. */
  private async follow(tenantId: string, watched: Watched): Promise<void> {
    do {
      try {
        watched.advance(await runAs(this.em, servicePrincipal(tenantId, 'streams'), () => this.events.head()));
      } catch (error) {
        // The next look comes by itself; readers fail by their own reads when the database stays away.
        this.log.warn(`The feed of tenant ${tenantId} could not be looked at: ${String(error)}`);
      }
    } while (watched.readers > 0 && (await this.wakeups.wait(sealedTopic(tenantId), POLL_MS)) && watched.readers > 0);
  }
}
