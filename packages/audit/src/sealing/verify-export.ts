import type { Breach } from './breach.js';
import { Findings } from './findings.js';
import { Frontier } from './merkle.js';
import { hashOfLeaf, isSignedBy, keyIdOf, payloadHash, publicKeyOf, type CheckpointFacts } from './seal-format.js';

/*
 * Verification of an export with nothing but the export and a checkpoint that was kept elsewhere: no server, no database, no
 * catalogue of keys. What is trusted is the checkpoint.
 */

export type { Breach };

/** First words of every export. */
export const EXPORT_FORMAT = 'agent-hive/export/1';

/** A checkpoint as the API gives it. */
export interface CheckpointNote extends CheckpointFacts {
  publicKey: string | null;
  signature: string;
}

/** First line of an export. */
export interface ExportHead {
  format: typeof EXPORT_FORMAT;
  tenant: string;
  from: number;
  to: number;
  /** Hashes of the full subtrees over the leaves before `from`, left to right (hexadecimal). */
  left: string[];
}

/** A line of an export between the first and the last: a leaf with what it was made of. */
export interface ExportedEntry {
  sequence: number;
  entryId: string;
  occurredAt: string;
  action: string;
  subjectType: string;
  subjectId: string;
  risk: string | null;
  salt: string | null;
  payload: string | null;
  payloadHash: string;
  leafHash: string;
}

/** Last line of an export. */
export interface ExportEnd {
  checkpoint: CheckpointNote | null;
}

/** What the verification of an export found. */
export interface ExportReport {
  ok: boolean;
  tenant: string;
  from: number;
  /** Sequence of the last entry. */
  size: number;
  root: string | null;
  leaves: number;
  /** Entries whose payload was archived or erased: what they were is proven, what they said is not. */
  withoutPayload: number;
  /** Entries behind the checkpoint that was given, which no signature of its key covers. */
  uncovered: number;
  breaches: Breach[];
  moreBreaches: number;
}

/** A file is no export, or no checkpoint; the message says why. */
export class ExportUnreadable extends Error {
  override readonly name = 'ExportUnreadable';
}

const HEX64 = /^[0-9a-f]{64}$/;
const ALSO_NULL = ['risk', 'salt', 'payload'] as const;
const TEXTS = ['entryId', 'occurredAt', 'action', 'subjectType', 'subjectId', 'payloadHash', 'leafHash'] as const;

/** A run over an export. */
interface Run {
  head: ExportHead;
  note: CheckpointNote;
  findings: Findings;
  /** Null once the order is broken: roots can no longer be computed. */
  frontier: Frontier | null;
  /** Sequence of the next line. */
  next: number;
  leaves: number;
  withoutPayload: number;
  covered: number;
}

/** Verifies an export, line by line. Throws ExportUnreadable for what is no export of the checkpoint's tenant. */
export async function verifyExport(lines: AsyncIterable<string> | Iterable<string>, note: CheckpointNote): Promise<ExportReport> {
  let run: Run | undefined;
  let end: ExportEnd | undefined;
  let number = 0;
  for await (const text of lines) {
    number++;
    if (!run) run = begin(text, note);
    else if (end) run.findings.tell(breach('leaf-unexpected', null, `line ${number} comes after the last one`));
    else {
      const parsed = parse(text);
      if (isEnd(parsed)) end = parsed;
      else if (isEntry(parsed)) take(run, parsed);
      else run.findings.tell(breach('leaf-edited', run.next, `line ${number} is no entry of an export`));
    }
  }
  if (!run) throw new ExportUnreadable('the export is empty');
  return finish(run, end);
}

/** Reads a checkpoint from its JSON. Throws ExportUnreadable. */
export function readCheckpoint(text: string): CheckpointNote {
  const found = parse(text) as Partial<CheckpointNote> | undefined;
  const texts = ['tenant', 'root', 'sealedAt', 'keyId', 'signature', 'publicKey'] as const;
  const isOne = found && texts.every((name) => typeof found[name] === 'string') && Number.isSafeInteger(found.size) && found.size! > 0 && (found.previous === null || typeof found.previous === 'string');
  if (!isOne || !HEX64.test(found.root!) || !HEX64.test(found.publicKey!)) throw new ExportUnreadable('it is no checkpoint: the answer of GET /v1/audit/checkpoints/latest is one, and `hive audit checkpoint` prints it');
  return found as CheckpointNote;
}

function begin(text: string, note: CheckpointNote): Run {
  const head = parse(text) as Partial<ExportHead> | undefined;
  if (head?.format !== EXPORT_FORMAT || !Number.isSafeInteger(head.from) || head.from! < 1 || !Array.isArray(head.left) || !head.left.every((hash) => HEX64.test(hash))) {
    throw new ExportUnreadable(`its first line is not that of an export (${EXPORT_FORMAT})`);
  }
  if (head.tenant !== note.tenant) throw new ExportUnreadable(`the export is of tenant ${head.tenant}, and the checkpoint of tenant ${note.tenant}`);
  const findings = new Findings();
  if (!isSignedItself(note)) findings.tell(breach('bad-signature', note.size, `the signature of the checkpoint is not one of key ${note.keyId} over what it says`));
  const from = head.from!;
  let frontier: Frontier;
  try {
    frontier = new Frontier(from - 1, head.left.map((hash) => Buffer.from(hash, 'hex')));
  } catch (error) {
    throw new ExportUnreadable(`its first line does not fit: ${(error as Error).message}`, { cause: error });
  }
  return { head: head as ExportHead, note, findings, frontier, next: from, leaves: 0, withoutPayload: 0, covered: from - 1 };
}

function take(run: Run, entry: ExportedEntry): void {
  const { findings } = run;
  const tell = (kind: Breach['kind'], message: string) => findings.tell({ kind, sequence: entry.sequence, entryId: entry.entryId, message });
  if (entry.sequence < run.next) {
    run.frontier = null;
    return tell('leaf-unexpected', `entry ${entry.sequence} comes again, or not in its place`);
  }
  if (entry.sequence > run.next) {
    run.frontier = null;
    findings.tell(breach('leaf-missing', run.next, entry.sequence === run.next + 1 ? `entry ${run.next} is missing` : `the entries ${run.next} to ${entry.sequence - 1} are missing`));
  }
  run.next = entry.sequence + 1;
  run.leaves++;
  const leaf = hashOfLeaf({ tenant: run.head.tenant, ...entry });
  if (leaf.toString('hex') !== entry.leafHash) tell('leaf-edited', `entry ${entry.sequence} does not have the hash of what it says`);
  if (entry.payload === null || entry.salt === null) run.withoutPayload++;
  else if (payloadHash(Buffer.from(entry.salt, 'hex'), entry.payload).toString('hex') !== entry.payloadHash) tell('entry-edited', `the payload of entry ${entry.sequence} is not what was sealed`);
  run.frontier?.append(leaf);
  if (run.frontier?.size === run.note.size) compareRoot(run, run.note, 'the checkpoint');
}

function finish(run: Run, end: ExportEnd | undefined): ExportReport {
  const { findings, note, frontier, head } = run;
  const size = run.next - 1;
  if (!end) findings.tell(breach('truncated', run.next, `the export breaks off behind entry ${size}`));
  else if (size < head.to) findings.tell(breach('truncated', run.next, `the export ends at ${size}, and says that it goes to ${head.to}`));
  if (size < note.size) findings.tell(breach('truncated', run.next, `the export ends at ${size}, and the checkpoint covers ${note.size}`));
  if (note.size < head.from) throw new ExportUnreadable(`the export begins at ${head.from}, behind the ${note.size} entries that the checkpoint covers`);
  const last = end?.checkpoint;
  // Another key may be a rotation or a forgery: the checkpoint that was kept cannot tell, so what only that key signed counts as uncovered.
  if (last && last.size === size && size > note.size && last.publicKey === note.publicKey) {
    if (last.tenant !== head.tenant || !isSignedItself(last)) findings.tell(breach('bad-signature', last.size, `the signature of the export's own checkpoint is not one of key ${last.keyId} over what it says`));
    else compareRoot(run, last, "the export's own checkpoint");
  }
  return {
    ok: findings.isClean,
    tenant: head.tenant,
    from: head.from,
    size,
    root: frontier && size > 0 ? frontier.root.toString('hex') : null,
    leaves: run.leaves,
    withoutPayload: run.withoutPayload,
    uncovered: Math.max(0, size - run.covered),
    breaches: findings.all(),
    moreBreaches: findings.more,
  };
}

function compareRoot(run: Run, { root, size }: CheckpointNote, of: string): void {
  if (!run.frontier) return;
  if (run.frontier.root.toString('hex') === root) run.covered = size;
  else {
    const first = Math.min(run.covered + 1, size);
    run.findings.tell(breach('root-mismatch', first, `the root over ${size} entries is not the one of ${of}: one of the entries ${first} to ${size} was changed`));
  }
}

function isSignedItself(note: CheckpointNote): boolean {
  const publicKey = Buffer.from(note.publicKey ?? '', 'hex');
  return publicKey.length === 32 && keyIdOf(publicKey) === note.keyId && isSignedBy(publicKeyOf(publicKey), note, Buffer.from(note.signature, 'hex'));
}

const breach = (kind: Breach['kind'], sequence: number | null, message: string): Breach => ({ kind, sequence, entryId: null, message });

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // who asked says which line it is
  }
}

const isEnd = (value: unknown): value is ExportEnd => typeof value === 'object' && value !== null && 'checkpoint' in value;

function isEntry(value: unknown): value is ExportedEntry {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Record<string, unknown>;
  return Number.isSafeInteger(entry.sequence) && TEXTS.every((name) => typeof entry[name] === 'string') && ALSO_NULL.every((name) => entry[name] === null || typeof entry[name] === 'string');
}
