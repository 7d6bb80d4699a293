import type { KeyObject } from 'node:crypto';
import type { Breach } from './breach.js';
import { checkpointHash, isSignedBy, publicKeyOf, type CheckpointFacts } from './seal-format.js';

/** A checkpoint as it was read. */
export interface SignedCheckpoint {
  facts: CheckpointFacts;
  signature: Buffer;
}

/**
 * Follows checkpoints from the first to the last. Each names the hash of the one before, its signature included, so the last signature
 * vouches for all of them: signatures are checked where the chain ends, where its key changes, and on both sides of a break.
 */
export class CheckpointChain {
  #last: SignedCheckpoint | undefined;
  readonly #keys = new Map<string, KeyObject | null>();

  /** `last` is the checkpoint that the chain goes on from, if it does not begin here. `tell` hears of breaches. */
  constructor(
    private readonly publicKeys: ReadonlyMap<string, Buffer>,
    private readonly tell: (breach: Omit<Breach, 'entryId'>) => void,
    last?: SignedCheckpoint,
  ) {
    this.#last = last;
  }

  /** Takes the next checkpoint. */
  add(next: SignedCheckpoint): void {
    const last = this.#last;
    const expected = last ? checkpointHash(last.facts, last.signature).toString('hex') : null;
    if (next.facts.previous !== expected) {
      this.tell({ kind: 'chain-broken', sequence: next.facts.size, message: `the checkpoint of size ${next.facts.size} does not name ${last ? `the one of size ${last.facts.size}` : 'nothing'} as the one before it: one of them was changed, or one between them was taken out` });
      if (last) this.requireSigned(last);
      this.requireSigned(next);
    } else if (last && last.facts.keyId !== next.facts.keyId) this.requireSigned(last);
    this.#last = next;
  }

  /** Ends the chain: the signature of its last checkpoint. */
  end(): void {
    if (this.#last) this.requireSigned(this.#last);
  }

  private requireSigned({ facts, signature }: SignedCheckpoint): void {
    const key = this.keyOf(facts.keyId);
    if (key === null) this.tell({ kind: 'unknown-key', sequence: facts.size, message: `the checkpoint of size ${facts.size} is signed by key ${facts.keyId}, which is none of the known ones` });
    else if (!isSignedBy(key, facts, signature)) this.tell({ kind: 'bad-signature', sequence: facts.size, message: `the signature of the checkpoint of size ${facts.size} is not one of key ${facts.keyId} over what it says` });
  }

  private keyOf(id: string): KeyObject | null {
    if (!this.#keys.has(id)) {
      const raw = this.publicKeys.get(id);
      this.#keys.set(id, raw ? publicKeyOf(raw) : null);
    }
    return this.#keys.get(id)!;
  }
}
