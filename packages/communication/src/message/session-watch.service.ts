import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { SessionsService } from '@agent-hive/agents';
import { afterCommit, currentTenantId, runAs, servicePrincipal, Watched, type Watch } from '@agent-hive/kernel';

/** How often messages of other processes are looked for. */
const POLL_MS = 500;
const CHUNK = 1_000;

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
    afterCommit(() => this.tenants.get(tenantId)?.get(sessionId)?.advance(sequence));
  }

  /** Watches a session of the running tenant, until it is closed. */
  watch(sessionId: string): Watch {
    const tenantId = currentTenantId();
    const sessions = this.tenants.get(tenantId) ?? new Map<string, Watched>();
    this.tenants.set(tenantId, sessions);
    const watched = sessions.get(sessionId) ?? new Watched();
    sessions.set(sessionId, watched);
    this.schedule();
    return watched.open(() => {
      sessions.delete(sessionId);
      if (sessions.size === 0 && this.tenants.get(tenantId) === sessions) this.tenants.delete(tenantId);
    });
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
    for (const [tenantId, sessions] of [...this.tenants]) {
      if (this.isClosed) return;
      try {
        const ids = [...sessions.keys()];
        for (let from = 0; from < ids.length; from += CHUNK) {
          const positions = await runAs(this.em, servicePrincipal(tenantId, 'streams'), () => this.sessions.positions(ids.slice(from, from + CHUNK)));
          for (const [id, sequence] of positions) sessions.get(id)?.advance(sequence);
        }
      } catch (error) {
        // The next look comes by itself; readers fail by their own reads when the database stays away.
        this.log.warn(`The sessions of tenant ${tenantId} that are read could not be looked at: ${String(error)}`);
      }
    }
  }
}
