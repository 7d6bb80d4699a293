import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { currentTenantId, Wakeups } from '@agent-hive/kernel';

/** Tells claimers of this process, tenant by tenant, that there may be work. */
@Injectable()
export class WakeupsService implements OnApplicationShutdown {
  private readonly wakeups = new Wakeups();

  /** Wakes who waits in the running tenant, once what was written is committed. */
  notify(): void {
    this.wakeups.notify(currentTenantId());
  }

  /** Waits for work in the running tenant, for a look of its own, until the signal aborts, or as long as `timeoutMs`. Resolves with whether to look again. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.wakeups.wait(currentTenantId(), timeoutMs, signal);
  }

  /** Ends every wait, now and from now on: the process shuts down. */
  close(): void {
    this.wakeups.close();
  }

  onApplicationShutdown(): void {
    this.close();
  }
}
