import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { afterCommit, currentTenantId } from '@agent-hive/kernel';

/** Other processes tell nobody: who waits looks again after this long. */
const LOOK_AGAIN_MS = 500;

/**
 * Tells claimers of this process that there may be work. A waiter holds a timer and a callback, no connection and no
 * transaction; nothing is lost if a call gets lost, since each looks again by itself.
 */
@Injectable()
export class WakeupsService implements OnApplicationShutdown {
  private readonly waiters = new Map<string, Set<() => void>>();
  private isClosed = false;

  /** Wakes who waits in the running tenant, once what was written is committed. */
  notify(): void {
    const tenantId = currentTenantId();
    if (this.waiters.has(tenantId)) afterCommit(() => this.wake(tenantId));
  }

  /** Waits for work in the running tenant, for a look of its own, until the signal aborts, or as long as `timeoutMs`. Resolves with whether to look again. */
  async wait(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (this.isClosed || signal?.aborted) return false;
    const tenantId = currentTenantId();
    const waiting = this.waiters.get(tenantId) ?? new Set();
    this.waiters.set(tenantId, waiting);
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        waiting.delete(done);
        if (waiting.size === 0 && this.waiters.get(tenantId) === waiting) this.waiters.delete(tenantId);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(timeoutMs, LOOK_AGAIN_MS));
      signal?.addEventListener('abort', done);
      waiting.add(done);
    });
    return !this.isClosed && signal?.aborted !== true;
  }

  /** Ends every wait, now and from now on: the process shuts down. */
  close(): void {
    this.isClosed = true;
    for (const tenantId of this.waiters.keys()) this.wake(tenantId);
  }

  onApplicationShutdown(): void {
    this.close();
  }

  private wake(tenantId: string): void {
    for (const done of [...(this.waiters.get(tenantId) ?? [])]) done();
  }
}
