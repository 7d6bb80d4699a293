import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, idFloor, isUniqueViolation, oneTransaction, Refused, tenantSql, Wakeups, type Sql } from '@agent-hive/kernel';
import { EntriesService } from '../entries.service.js';
import { hashOfRow } from './sealing.dto.js';
import { insertCheckpoint, insertLeaves, insertNodes, LOWEST_ID, selectCheckpoints, selectHead } from './sealing.sql.js';
import { checkpointHash, type CheckpointFacts } from './seal-format.js';
import { SigningKeysService } from './signing-keys.service.js';
import { frontierAt, intoStored, type HashedNode } from './tree.sql.js';

/** What a turn has sealed. */
export interface Sealed {
  entries: number;
  /** There may be more: the batch was full. */
  isFull: boolean;
}

/** A checkpoint that this process has written or built on, by which it knows the log again. */
export interface Known {
  size: number;
  hash: Buffer;
}

/** How far a tenant's entries are looked at, and from where a full batch goes on. */
interface Turn {
  number: number;
  from: string | null;
  /** When it began, in ms; null before its first batch. */
  beganAt: number | null;
  /** When the one before it began, in ms: what was committed by then was looked at. */
  previousAt: number;
}

/** Entries of a batch: some tens of milliseconds, so that a busy tenant does not keep others waiting. */
const BATCH = 4_000;
/** Entries this young are looked at in every turn, */
const WINDOW_MS = 2_000;
/** and those of as many periods, for turns that come late: a window that is shorter than a period would leave a gap. */
const WINDOW_PERIODS = 4;
/** Each second turn looks twice as far back, each fourth four times ..., and each 8192nd, like the first, at everything. */
const DOUBLINGS = 13;

/** Topic of the kernel's wake-ups that tells of newly sealed entries of a tenant. */
export const sealedTopic = (tenantId: string): string => `audit.sealed:${tenantId}`;

/**
 * Gives committed entries their place in the tenant's log. An entry is found because it has no leaf, however late it commits: one
 * that is d seconds late is sealed d seconds after that at the latest, and at all events once everything is looked at.
 */
@Injectable()
export class SealingService {
  readonly #turns = new Map<string, Turn>();
  readonly #known = new Map<string, Known>();

  constructor(
    private readonly em: EntityManager,
    private readonly keys: SigningKeysService,
    private readonly entries: EntriesService,
    private readonly wakeups: Wakeups,
  ) {}

  /**
   * Seals a batch of the running tenant: leaves, nodes and a signed checkpoint in one transaction. When another process did the same
   * meanwhile, nothing is written, and the next turn goes on behind it. Throws Refused when the log no longer has a checkpoint
   * that this process knows: then it was changed, and nothing is signed on top of that.
   */
  async seal(limit = BATCH): Promise<Sealed> {
    await this.keys.register();
    const tenantId = currentTenantId();
    const now = Date.now();
    const turn = this.#turns.get(tenantId) ?? { number: 0, from: null, beganAt: null, previousAt: now };
    const beganAt = turn.beganAt ?? now;
    try {
      const made = await oneTransaction(this.em, () => tenantSql(this.em, (db) => this.sealBatch(db, turn.from ?? floorOf(turn, now), limit)));
      const isFull = made.entries === limit;
      this.#turns.set(tenantId, isFull ? { ...turn, beganAt, from: made.lastId } : { number: turn.number + 1, from: null, beganAt: null, previousAt: beganAt });
      if (made.checkpoint) this.#known.set(tenantId, made.checkpoint);
      return { entries: made.entries, isFull };
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      return { entries: 0, isFull: false }; // another process has sealed the same: its leaves stand
    }
  }

  /** The checkpoint that this process knows of the running tenant's log, if it has sealed it. */
  known(): Known | undefined {
    return this.#known.get(currentTenantId());
  }

  /** Tenants whose entries this process has sealed. */
  tenants(): string[] {
    return [...this.#turns.keys()];
  }

  private async sealBatch(db: Sql, floor: string, limit: number): Promise<{ entries: number; lastId: string | null; checkpoint: Known | null }> {
    const { signer } = this.keys;
    const tenant = currentTenantId();
    const head = await selectHead(db);
    const previous = head ? hashOfRow(tenant, head) : null;
    const base = head ? Number(head.size) : 0;
    await this.requireKnown(db, base, previous);
    if (head && head.key_id !== signer.keyId) await this.recordRotation(head.key_id);
    const sealedAt = new Date();
    const leaves = await insertLeaves(db, { base, floor, limit, sealedAt });
    if (leaves.length === 0) return { entries: 0, lastId: null, checkpoint: null };
    const frontier = await frontierAt(db, base);
    const nodes: HashedNode[] = [];
    for (const { hash } of leaves) frontier.append(hash, intoStored(nodes));
    await insertNodes(db, nodes);
    const facts: CheckpointFacts = { tenant, size: frontier.size, root: frontier.root.toString('hex'), previous: previous && previous.toString('hex'), sealedAt: sealedAt.toISOString(), keyId: signer.keyId };
    const signature = signer.sign(facts);
    if (!(await insertCheckpoint(db, { size: facts.size, root: frontier.root, previous, sealedAt, keyId: signer.keyId, signature }))) {
      throw new Refused(`signing key ${signer.keyId} is retired: this process no longer signs`, 'signing-key-retired');
    }
    this.wakeups.notify(sealedTopic(tenant));
    return { entries: leaves.length, lastId: leaves.at(-1)!.entryId, checkpoint: { size: facts.size, hash: checkpointHash(facts, signature) } };
  }

  /** What this process has signed must still be there: who took it away or signed it anew must not get a signature on top. */
  private async requireKnown(db: Sql, size: number, hash: Buffer | null): Promise<void> {
    const known = this.known();
    if (!known || (size === known.size && hash?.equals(known.hash))) return;
    const [row] = await selectCheckpoints(db, { after: known.size - 1, to: known.size, limit: 1 });
    if (row && hashOfRow(currentTenantId(), row).equals(known.hash)) return;
    throw new Refused(`the log of tenant ${currentTenantId()} no longer has the checkpoint of size ${known.size} that was signed here: it was changed, and nothing more is signed until it is verified`, 'log-changed');
  }

  /** The new key's first checkpoint, or one of its first when there is a backlog, covers the entry that names both keys. */
  private async recordRotation(from: string): Promise<void> {
    const to = this.keys.signer.keyId;
    await this.entries.record({ action: ROTATED, subjectType: 'signing_key', subjectId: to, risk: 'high', previousState: { keyId: from }, newState: { keyId: to } });
  }
}

/** A tenant's log goes on with another key. */
export const ROTATED = 'signing_key.rotated';

/** The least id that a turn looks at. No upper bound: ids of a server whose clock is ahead are found too. */
function floorOf({ number, previousAt }: Turn, now: number): string {
  let doublings = 0;
  while (doublings < DOUBLINGS && number % 2 ** (doublings + 1) === 0) doublings++;
  const windowMs = Math.max(WINDOW_MS, WINDOW_PERIODS * (now - previousAt)) * 2 ** doublings;
  return doublings === DOUBLINGS ? LOWEST_ID : idFloor(new Date(now - windowMs));
}
