import type { Breach } from './breach.js';

/** Breaches that a report names; the others are counted. */
const NAMED = 1_000;

/** What a verification has found so far. */
export class Findings {
  archived = 0;
  erased = 0;
  more = 0;
  readonly #breaches: Breach[] = [];

  tell(breach: Breach): void {
    if (this.#breaches.length < NAMED) this.#breaches.push(breach);
    else this.more++;
  }

  get isClean(): boolean {
    return this.#breaches.length === 0;
  }

  all(): Breach[] {
    return this.#breaches;
  }

  /** The breaches with their entries, looked up by sequence where the finder did not know them. */
  async named(entriesAt: (sequences: readonly number[]) => Promise<ReadonlyMap<number, string>>): Promise<Breach[]> {
    const asked = this.#breaches.flatMap(({ sequence, entryId }) => (entryId === null && sequence !== null ? [sequence] : []));
    if (asked.length === 0) return this.#breaches;
    const entries = await entriesAt(asked);
    return this.#breaches.map((breach) => (breach.entryId === null && breach.sequence !== null ? { ...breach, entryId: entries.get(breach.sequence) ?? null } : breach));
  }
}
