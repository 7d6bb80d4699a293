import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, idFloor, Invalid, tenantRead, type Sql } from '@agent-hive/kernel';
import { AuditHooks } from '../audit.hooks.js';
import type { Breach } from './breach.js';
import { CheckpointChain, type SignedCheckpoint } from './checkpoint-chain.js';
import { Findings } from './findings.js';
import type { Frontier, Subtree } from './merkle.js';
import { factsOf, hashOfRow, type SigningKeyDto } from './sealing.dto.js';
import { readAhead } from './read-ahead.js';
import { asBuffer, LOWEST_ID, nodeName, selectCheckpoints, selectHead, type CheckpointRow } from './sealing.sql.js';
import { SealingService, type Known } from './sealing.service.js';
import { isSignedBy, keyIdOf, publicKeyOf } from './seal-format.js';
import { SigningKeysService } from './signing-keys.service.js';
import { frontierAt, hashesOfRanges, intoStored, LogDamaged, storedNodesOver, type HashedNode } from './tree.sql.js';
import type { CheckpointNoteDto, CreateVerificationDto, VerificationDto } from './verification.dto.js';
import { checkLeaves, selectEntryIdsAt, selectGaps, selectUncovered, selectUnsealed, type LeafBatch, type LeafRange, type Suspect } from './verification.sql.js';

/** Leaves of a step: a transaction each, so that no snapshot is held for long. */
const STEP = 8_192;
/** Entries this old have long been sealed. */
const UNSEALED_AFTER_MS = 600_000;
/** How much earlier than their sealing entries are looked for in an incremental verification. */
const LATE_MS = 3_600_000;
const LEAF_BYTES = 32;
/** Leaves whose tree grows in one go, a millisecond's work: other requests, and the reading of the next step, come in between. */
const SLICE_BYTES = 1_024 * LEAF_BYTES;

/** The keys as they were when the run began. */
interface Catalogue {
  list: readonly SigningKeyDto[];
  publicKeys: ReadonlyMap<string, Buffer>;
}

/** A run over the log: where it is, and what it knows. */
interface Run {
  tenant: string;
  size: number;
  /** Null once leaves or nodes are missing: roots can no longer be computed. */
  frontier: Frontier | null;
  chain: CheckpointChain;
  findings: Findings;
  /** Roots that must come out at a size, besides those of checkpoints. */
  expected: Map<number, string>;
  /** Size of the last checkpoint whose root came out. */
  proven: number;
  rootIsOff: boolean;
  checkpoints: number;
}

/** What is read of a range of leaves: them, those that are missing, the checkpoints in it, and the stored nodes that it completes. */
interface Step {
  leaves: LeafBatch;
  isWhole: boolean;
  gaps: number[];
  checkpoints: SignedCheckpoint[];
  nodes: Map<string, Buffer>;
}

/** Says whether the log is as it was sealed, and names what is not. */
@Injectable()
export class VerificationsService {
  constructor(
    private readonly em: EntityManager,
    private readonly hooks: AuditHooks,
    private readonly keys: SigningKeysService,
    private readonly sealing: SealingService,
  ) {}

  /**
   * Hashes all leaves and entries anew, or those behind the checkpoint of size `since`, and follows tree and checkpoints. Throws
   * Invalid for a `since` that has no checkpoint, and for a checkpoint of another tenant.
   */
  async create({ since = 0, checkpoint: note }: CreateVerificationDto): Promise<VerificationDto> {
    const started = performance.now();
    const tenant = currentTenantId();
    if (note && note.tenant !== tenant) throw Invalid.at('/checkpoint/tenant', `is ${note.tenant}, and the log is of tenant ${tenant}`);
    const catalogue = { list: await this.keys.list(), publicKeys: await this.keys.publicKeys() };
    const known = this.sealing.known(); // before the head is read: a turn between them would leave the log behind what is known
    const run = await tenantRead(this.em, (db) => this.begin(db, { tenant, since, catalogue, known }));
    if (note) await tenantRead(this.em, (db) => this.compareNote(db, run, { note, since, publicKeys: catalogue.publicKeys }));
    for await (const step of readAhead(rangesOf(since + 1, run.size), (range) => tenantRead(this.em, (db) => this.read(db, tenant, range)))) {
      await this.follow(run, step);
      await this.judge(run, step.leaves.suspects);
    }
    run.chain.end();
    await tenantRead(this.em, (db) => this.end(db, run, since));
    const { findings } = run;
    return {
      ok: findings.isClean,
      tenant,
      from: since + 1,
      size: run.size,
      root: run.frontier && run.size > 0 ? run.frontier.root.toString('hex') : null,
      leaves: run.size - since,
      checkpoints: run.checkpoints,
      archived: findings.archived,
      erased: findings.erased,
      breaches: await tenantRead(this.em, (db) => findings.named((sequences) => selectEntryIdsAt(db, sequences))),
      moreBreaches: findings.more,
      durationMs: Math.round(performance.now() - started),
    };
  }

  private async begin(db: Sql, { tenant, since, catalogue, known }: { tenant: string; since: number; catalogue: Catalogue; known: Known | undefined }): Promise<Run> {
    const findings = new Findings();
    const head = await selectHead(db);
    const size = Number(head?.size ?? 0);
    const [base] = since > 0 ? await selectCheckpoints(db, { after: since - 1, to: since, limit: 1 }) : [];
    if (since > 0 && !base) throw Invalid.at('/since', `there is no checkpoint of size ${since}; the log has ${size} entries`);
    const chain = new CheckpointChain(catalogue.publicKeys, (breach) => findings.tell({ ...breach, entryId: null }), base && signed(tenant, base));
    const run: Run = { tenant, size, frontier: null, chain, findings, expected: new Map(), proven: since, rootIsOff: false, checkpoints: 0 };
    run.frontier = await this.undamaged(run, () => frontierAt(db, since));
    if (base && run.frontier && !run.frontier.root.equals(asBuffer(base.root))) this.tellRoot(run, since, 'the checkpoint of that size');
    await this.compareKnown(db, run, known);
    this.compareKey(run, head, catalogue.list);
    return run;
  }

  /** What this process has signed is a checkpoint that nobody but it could change. */
  private async compareKnown(db: Sql, run: Run, known: Known | undefined): Promise<void> {
    if (known && known.size > run.size) {
      run.findings.tell({ kind: 'truncated', sequence: run.size + 1, entryId: null, message: `the log ends at ${run.size}, and this process has sealed it up to ${known.size}` });
    } else if (known) {
      const [row] = await selectCheckpoints(db, { after: known.size - 1, to: known.size, limit: 1 });
      if (!row || !hashOfRow(run.tenant, row).equals(known.hash)) run.findings.tell({ kind: 'chain-broken', sequence: known.size, entryId: null, message: `the checkpoint of size ${known.size} is not the one that this process has signed` });
    }
  }

  private compareKey(run: Run, head: CheckpointRow | undefined, keys: readonly SigningKeyDto[]): void {
    const keyId = this.keys.find()?.keyId;
    const own = keys.find((key) => key.id === keyId && key.retiredAt === null);
    if (head && own && head.key_id !== keyId && new Date(head.sealed_at).toISOString() > own.createdAt) {
      run.findings.tell({ kind: 'unknown-key', sequence: run.size, entryId: null, message: `the latest checkpoint, of size ${run.size}, is signed by key ${head.key_id}, though key ${keyId} signs since ${own.createdAt}` });
    }
  }

  private async compareNote(db: Sql, run: Run, { note, since, publicKeys }: { note: CheckpointNoteDto; since: number; publicKeys: Catalogue['publicKeys'] }): Promise<void> {
    const { findings } = run;
    const publicKey = note.publicKey ? Buffer.from(note.publicKey, 'hex') : publicKeys.get(note.keyId);
    if (!publicKey || keyIdOf(publicKey) !== note.keyId) findings.tell({ kind: 'unknown-key', sequence: note.size, entryId: null, message: `the checkpoint that was given is signed by key ${note.keyId}, which is none of the known ones` });
    else if (!isSignedBy(publicKeyOf(publicKey), note, Buffer.from(note.signature, 'hex'))) findings.tell({ kind: 'bad-signature', sequence: note.size, entryId: null, message: 'the signature of the checkpoint that was given is not one over what it says' });
    if (note.size > run.size) findings.tell({ kind: 'truncated', sequence: run.size + 1, entryId: null, message: `the log ends at ${run.size}, and the checkpoint that was given covers ${note.size}: its end was cut off, or an older copy was restored` });
    else if (note.size > since) run.expected.set(note.size, note.root);
    else if (run.frontier) {
      const roots = await this.undamaged(run, () => hashesOfRanges(db, [{ start: 0, end: note.size }]));
      if (roots && roots[0]!.toString('hex') !== note.root) this.tellRoot(run, note.size, 'the checkpoint that was given');
    }
  }

  /** What is read of the tree as it is stored; null, and breaches, when leaves or nodes are not there. */
  private async undamaged<T>({ findings }: Run, read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof LogDamaged)) throw error;
      for (const node of error.lacking) findings.tell(node.level === 0 ? leafMissing(node.index + 1) : nodeEdited(node));
      return null;
    }
  }

  private async read(db: Sql, tenant: string, range: LeafRange): Promise<Step> {
    const leaves = await checkLeaves(db, range);
    const isWhole = leaves.count === range.to - range.from + 1;
    return {
      leaves,
      isWhole,
      gaps: isWhole ? [] : await selectGaps(db, { ...range, limit: 1_000 }),
      checkpoints: (await selectCheckpoints(db, { after: range.from - 1, to: range.to, limit: STEP })).map((row) => signed(tenant, row)),
      nodes: await storedNodesOver(db, range),
    };
  }

  /** Tells of leaves and entries that differ from what was sealed, but for those that were to go. */
  private async judge({ findings }: Run, suspects: readonly Suspect[]): Promise<void> {
    const gone = suspects.filter((suspect) => suspect.isEntryMissing || suspect.isErased).map((suspect) => suspect.sequence);
    const answers = gone.length > 0 ? await this.hooks.accountedFor.run(gone) : [];
    const archived = new Set(answers.flatMap((answer) => answer.archived));
    const erased = new Set(answers.flatMap((answer) => answer.erased));
    for (const { sequence, entryId, isLeafEdited, isEntryMissing, isEntryEdited, isErased } of suspects) {
      const tell = (kind: 'leaf-edited' | 'entry-missing' | 'entry-edited', message: string) => findings.tell({ kind, sequence, entryId, message });
      if (isLeafEdited) tell('leaf-edited', `leaf ${sequence} does not have the hash of what it says`);
      if (isEntryMissing && archived.has(sequence)) findings.archived++;
      else if (isEntryMissing) tell('entry-missing', `entry ${entryId} is not there, and nothing says that it was to go`);
      if (isErased && erased.has(sequence)) findings.erased++;
      else if (isErased && !archived.has(sequence)) tell('entry-edited', `the salt of entry ${entryId} is gone, and nothing says that its payload was erased`);
      if (isEntryEdited) tell('entry-edited', `entry ${entryId} is not what was sealed`);
    }
  }

  /** Grows the tree by the leaves of a step, and compares it with the stored nodes and with the roots of checkpoints. */
  private async follow(run: Run, { leaves, isWhole, gaps, checkpoints, nodes }: Step): Promise<void> {
    for (const checkpoint of checkpoints) run.chain.add(checkpoint);
    run.checkpoints += checkpoints.length;
    for (const sequence of gaps) run.findings.tell(leafMissing(sequence));
    if (!isWhole) run.frontier = null;
    const { frontier } = run;
    const { hashes } = leaves;
    if (!frontier) return;
    const grown: HashedNode[] = [];
    let next = 0;
    for (let at = 0; at < hashes.length; at += LEAF_BYTES) {
      if (at % SLICE_BYTES === 0) await setImmediate();
      frontier.append(hashes.subarray(at, at + LEAF_BYTES), intoStored(grown));
      const given = run.expected.get(frontier.size);
      if (given !== undefined) this.compareRoot(run, frontier, given, 'the checkpoint that was given');
      if (checkpoints[next]?.facts.size === frontier.size) this.compareRoot(run, frontier, checkpoints[next++]!.facts.root, 'the checkpoint of that size');
    }
    for (const node of grown) if (!nodes.get(nodeName(node))?.equals(node.hash)) run.findings.tell(nodeEdited(node));
  }

  private compareRoot(run: Run, { size, root }: Frontier, expected: string, of: string): void {
    const matches = root.toString('hex') === expected;
    if (matches) run.proven = size;
    else if (!run.rootIsOff) this.tellRoot(run, size, of);
    run.rootIsOff = !matches;
  }

  private tellRoot({ findings, proven }: Run, size: number, of: string): void {
    const first = Math.min(proven + 1, size);
    findings.tell({ kind: 'root-mismatch', sequence: first, entryId: null, message: `the root over ${size} leaves is not the one of ${of}: one of the leaves ${first} to ${size} was changed, or the checkpoint was` });
  }

  /** What lies outside of the tree: leaves that no checkpoint covers, entries that were never sealed. */
  private async end(db: Sql, { findings, size }: Run, since: number): Promise<void> {
    for (const { sequence, entryId, covered } of await selectUncovered(db, size, 100)) findings.tell({ kind: 'leaf-unexpected', sequence, entryId, message: `leaf ${sequence} is behind the last checkpoint, which covers ${covered}` });
    const [base] = since > 0 ? await selectCheckpoints(db, { after: since - 1, to: since, limit: 1 }) : [];
    const floor = base ? idFloor(new Date(new Date(base.sealed_at).getTime() - LATE_MS)) : LOWEST_ID;
    const unsealed = await selectUnsealed(db, { floor, ceiling: idFloor(new Date(Date.now() - UNSEALED_AFTER_MS)), limit: 100 });
    for (const entryId of unsealed) findings.tell({ kind: 'entry-unsealed', sequence: null, entryId, message: `entry ${entryId} is older than ${UNSEALED_AFTER_MS / 60_000} minutes and has no leaf: it was put in later, or the sealer stands still` });
  }
}

function* rangesOf(first: number, last: number): Generator<LeafRange> {
  for (let from = first; from <= last; from += STEP) yield { from, to: Math.min(from + STEP - 1, last) };
}

const signed = (tenant: string, row: CheckpointRow): SignedCheckpoint => ({ facts: factsOf(tenant, row), signature: asBuffer(row.signature) });

const leafMissing = (sequence: number): Breach => ({ kind: 'leaf-missing', sequence, entryId: null, message: `the log has no leaf ${sequence}` });

function nodeEdited({ level, index }: Subtree): Breach {
  const [first, last] = [index * 2 ** level + 1, (index + 1) * 2 ** level];
  return { kind: 'node-edited', sequence: first, entryId: null, message: `the stored node over the leaves ${first} to ${last} is not theirs: it was changed, or one of them was` };
}
