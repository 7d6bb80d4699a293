import { Injectable } from '@nestjs/common';
import { currentTenantId, Wakeups } from '@agent-hive/kernel';

/** Tells who waits in this process for one interaction, or for any of the tenant, that there may be news. */
@Injectable()
export class InteractionWakeups {
  constructor(private readonly wakeups: Wakeups) {}

  /** Wakes who waits for these interactions of the running tenant, and who waits for any, once what was written is committed. */
  notify(...ids: readonly string[]): void {
    this.wakeups.notify(keyOf(null), ...ids.map(keyOf));
  }

  /** Waits for news of one interaction (null: of any), for a look of its own, until the signal aborts, or as long as `timeoutMs`. Resolves with whether to look again. */
  wait(id: string | null, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.wakeups.wait(keyOf(id), timeoutMs, signal);
  }
}

const keyOf = (id: string | null): string => `interactions ${currentTenantId()} ${id ?? ''}`;
