/** A reader's place at something that grows. */
export interface Watch {
  /** The highest sequence that is known to be committed. */
  readonly sequence: number;
  /** Waits until it is known to be beyond a sequence, the signal aborts, or the time is over. */
  wait(beyond: number, timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** What a process knows of something that grows and that somebody reads, and what wakes those who wait. */
export class Watched {
  #sequence = 0;
  #readers = 0;
  readonly #waiting = new Set<() => void>();

  /** How many read. */
  get readers(): number {
    return this.#readers;
  }

  /** It has grown up to a sequence, unless more is known already: who waits is woken. */
  advance(sequence: number): void {
    if (sequence <= this.#sequence) return;
    this.#sequence = sequence;
    for (const wake of [...this.#waiting]) wake();
  }

  /** One more reader, until it closes; `left` is called when the last one has. */
  open(left: () => void): Watch {
    this.#readers++;
    let isOpen = true;
    const sequence = () => this.#sequence;
    return {
      get sequence() {
        return sequence();
      },
      wait: (beyond, timeoutMs, signal) => this.wait(beyond, timeoutMs, signal),
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        if (--this.#readers === 0) left();
      },
    };
  }

  private async wait(beyond: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.#sequence > beyond || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      signal.addEventListener('abort', done);
      this.#waiting.add(done);
    });
  }
}
