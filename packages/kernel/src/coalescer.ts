/**
 * Does the same work for many callers at once: what is asked for while the work of a key is under way is done together
 * right after it, in one call. Who comes alone waits for nobody; the more come, the fewer calls there are.
 *
 *   call ──▶ idle: work([call])          ──▶ done ──▶ work(all that came meanwhile, at most `max`) ──▶ ...
 *            busy: kept until it is done
 */
export class Coalescer<Item, Result> {
  readonly #pending = new Map<string, { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }[]>();
  readonly #busy = new Map<string, number>();

  /** `work` answers each item, in their order; what it throws, all of them get. */
  constructor(
    private readonly work: (items: Item[]) => Promise<Result[]>,
    private readonly options: { max: number; concurrency: number },
  ) {}

  /** Does the work for one item, with others of the same key that come at the same time. */
  run(key: string, item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      const pending = this.#pending.get(key) ?? [];
      pending.push({ item, resolve, reject });
      this.#pending.set(key, pending);
      // In the next turn, so that calls of this one go together.
      if ((this.#busy.get(key) ?? 0) < this.options.concurrency) queueMicrotask(() => void this.#next(key));
    });
  }

  async #next(key: string): Promise<void> {
    const pending = this.#pending.get(key);
    const busy = this.#busy.get(key) ?? 0;
    if (!pending || busy >= this.options.concurrency) return;
    const batch = pending.splice(0, this.options.max);
    if (pending.length === 0) this.#pending.delete(key);
    this.#busy.set(key, busy + 1);
    try {
      const results = await this.work(batch.map(({ item }) => item));
      for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    const left = this.#busy.get(key)! - 1;
    if (left === 0) this.#busy.delete(key);
    else this.#busy.set(key, left);
    if (this.#pending.has(key)) void this.#next(key);
  }
}
