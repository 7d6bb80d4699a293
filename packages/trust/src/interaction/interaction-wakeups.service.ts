import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { currentTenantId, Wakeups } from '@agent-hive/kernel';

/** Tells who waits in this process for one interaction, or for any of the tenant, that there may be news. */
@Injectable()
export class InteractionWakeups implements OnApplicationShutdown {
  private readonly wakeups = new Wakeups();

  /** Wakes who waits for these interactions of the running tenant, and who waits for any, once what was written is committed. */
  notify(...ids: readonly string[]): void {
    this.wakeups.notify(keyOf(null), ...ids.map(keyOf));
  }

  /** Waits for news of one interaction (null: of any), for a look of its own, until the signal aborts, or as long as `timeoutMs`. Resolves with whether to look again. */
  wait(id: string | null, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.wakeups.wait(keyOf(id), timeoutMs, signal);
  }

  /** Ends every wait, now and from now on: the process shuts down. */
  close(): void {
    this.wakeups.close();
  }

  onApplicationShutdown(): void {
    this.close();
  }
}

const keyOf = (id: string | null): string => `${currentTenantId()}/${id ?? ''}`;
