import { Injectable } from '@nestjs/common';
import { currentTenantId, Wakeups } from '@agent-hive/kernel';

/** Tells claimers of this process, tenant by tenant, that there may be work. */
@Injectable()
export class WakeupsService {
  constructor(private readonly wakeups: Wakeups) {}

  /** Wakes who waits in the running tenant, once what was written is committed. */
  notify(): void {
    this.wakeups.notify(keyOf());
  }

  /** Waits for work in the running tenant, for a look of its own, until the signal aborts, or as long as `timeoutMs`. Resolves with whether to look again. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.wakeups.wait(keyOf(), timeoutMs, signal);
  }
}

const keyOf = (): string => `tasks ${currentTenantId()}`;
