import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { currentTenantId, Wakeups } from '@agent-hive/kernel';

/** Tells who waits at an inbox in this process that something has come. */
@Injectable()
export class ArrivalsService implements OnApplicationShutdown {
  private readonly wakeups = new Wakeups();

  /** Wakes who waits at the inboxes of agents of the running tenant, once what was written is committed. */
  notify(agentIds: readonly string[]): void {
    this.wakeups.notify(...agentIds.map(keyOf));
  }

  /** Waits at an agent's inbox, for a look of its own, until the signal aborts, or as long as `timeoutMs`. Resolves with whether to look again. */
  wait(agentId: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.wakeups.wait(keyOf(agentId), timeoutMs, signal);
  }

  /** Ends every wait, now and from now on: the process shuts down. */
  close(): void {
    this.wakeups.close();
  }

  onApplicationShutdown(): void {
    this.close();
  }
}

const keyOf = (agentId: string): string => `${currentTenantId()}/${agentId}`;
