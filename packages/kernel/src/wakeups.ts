import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { afterCommit } from './commit.js';

/** Other processes tell nobody: who waits looks again after this long. */
const LOOK_AGAIN_MS = 500;

/**
 * Tells who waits in this process that there may be something to find. A waiter holds a timer and a callback, no connection
 * and no transaction; nothing is lost if a call gets lost, since each looks again by itself. Keys say who is told of what: they
 * name the domain and the tenant.
 */
@Injectable()
export class Wakeups implements OnApplicationShutdown {
  readonly #waiters = new Map<string, Set<() => void>>();
  #isClosed = false;

  /** Wakes who waits for one of the keys, once what was written is committed. */
  notify(...keys: readonly string[]): void {
    const awaited = keys.filter((key) => this.#waiters.has(key));
    if (awaited.length > 0) afterCommit(() => awaited.forEach((key) => this.#wake(key)));
  }

  /** Waits for the key, for a look of its own, until the signal aborts, or as long as `timeoutMs`. Resolves with whether to look again. */
  async wait(key: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (this.#isClosed || signal?.aborted) return false;
    const waiting = this.#waiters.get(key) ?? new Set();
    this.#waiters.set(key, waiting);
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        waiting.delete(done);
        if (waiting.size === 0 && this.#waiters.get(key) === waiting) this.#waiters.delete(key);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(timeoutMs, LOOK_AGAIN_MS));
      signal?.addEventListener('abort', done);
      waiting.add(done);
    });
    return !this.#isClosed && signal?.aborted !== true;
  }

  /** Ends every wait, now and from now on: the process shuts down. */
  close(): void {
    this.#isClosed = true;
    for (const key of [...this.#waiters.keys()]) this.#wake(key);
  }

  onApplicationShutdown(): void {
    this.close();
  }

  #wake(key: string): void {
    for (const done of [...(this.#waiters.get(key) ?? [])]) done();
  }
}
