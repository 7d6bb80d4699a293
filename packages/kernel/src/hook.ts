/**
 * A typed extension point: declared upstream, implemented downstream at module init. Implementations run in the caller's
 * transaction, one after the other in the order of their owners' names; a throw rolls everything back.
 */
export class Hook<Args extends unknown[], Result> {
  readonly #implementations = new Map<string, (...args: Args) => Promise<Result>>();
  constructor(readonly name: string) {}

  /** Adds the implementation of one owner (a package name); a second one of the same owner is a mistake and throws. */
  register(owner: string, implementation: (...args: Args) => Promise<Result>): void {
    if (this.#implementations.has(owner)) throw new Error(`${owner} already implements the hook ${this.name}`);
    this.#implementations.set(owner, implementation);
  }

  /** Calls every implementation and returns their results. */
  async run(...args: Args): Promise<Result[]> {
    const results: Result[] = [];
    for (const [, implementation] of [...this.#implementations].sort(([a], [b]) => a.localeCompare(b))) results.push(await implementation(...args));
    return results;
  }
}
