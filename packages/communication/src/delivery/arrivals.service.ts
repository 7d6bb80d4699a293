import { Injectable } from '@nestjs/common';
import { currentTenantId, Wakeups } from '@agent-hive/kernel';

/** Tells who waits at an inbox in this process that something has come. */
@Injectable()
export class ArrivalsService {
  constructor(private readonly wakeups: Wakeups) {}

  /** Wakes who waits at the inboxes of agents of the running tenant, once what was written is committed. */
  notify(agentIds: readonly string[]): void {
    this.wakeups.notify(...agentIds.map(keyOf));
  }

  /** Waits at an agent's inbox, for a look of its own, until the signal aborts, or as long as `timeoutMs`. Resolves with whether to look again. */
  wait(agentId: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.wakeups.wait(keyOf(agentId), timeoutMs, signal);
  }
}

const keyOf = (agentId: string): string => `inbox ${currentTenantId()} ${agentId}`;
