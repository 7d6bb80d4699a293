import { createPublicKey, hash, verify, type KeyObject } from 'node:crypto';
import { leafHash } from './merkle.js';

/*
 * The bytes that are hashed and signed; docs/audit.md states them for those who write a verifier of their own. Each is the UTF-8 of
 * a JSON array of texts and nulls, canonical by RFC 8785: no white space, the shortest escapes. PostgreSQL writes the same bytes
 * (array_to_json), so the sealer hashes in the database.
 */

/** What a leaf says of an entry for ever. Moments are ISO-8601 in UTC with milliseconds, hashes are hexadecimal. */
export interface LeafFacts {
  tenant: string;
  sequence: number;
  entryId: string;
  occurredAt: string;
  action: string;
  subjectType: string;
  subjectId: string;
  risk: string | null;
  payloadHash: string;
}

/** What is signed. */
export interface CheckpointFacts {
  tenant: string;
  size: number;
  root: string;
  /** checkpointHash of the one before; null in the first. */
  previous: string | null;
  sealedAt: string;
  keyId: string;
}

const LEAF_FORMAT = 'agent-hive/leaf/1';
const CHECKPOINT_FORMAT = 'agent-hive/checkpoint/1';

const bytes = (parts: readonly (string | null)[]): Buffer => Buffer.from(JSON.stringify(parts), 'utf8');

/** Hash of the payload's text behind its salt. */
export const payloadHash = (salt: Buffer, payload: string): Buffer => hash('sha256', Buffer.concat([salt, Buffer.from(payload, 'utf8')]), 'buffer');

/** RFC 6962 hash of a leaf. */
export const hashOfLeaf = (leaf: LeafFacts): Buffer =>
  leafHash(bytes([LEAF_FORMAT, leaf.tenant, String(leaf.sequence), leaf.entryId, leaf.occurredAt, leaf.action, leaf.subjectType, leaf.subjectId, leaf.risk, leaf.payloadHash]));

/** The bytes that a checkpoint's signature is over. */
export const checkpointBytes = ({ tenant, size, root, previous, sealedAt, keyId }: CheckpointFacts): Buffer =>
  bytes([CHECKPOINT_FORMAT, tenant, String(size), root, previous, sealedAt, keyId]);

/** What the next checkpoint names as `previous`: the hash of what was signed and of the signature. */
export const checkpointHash = (checkpoint: CheckpointFacts, signature: Buffer): Buffer => hash('sha256', Buffer.concat([checkpointBytes(checkpoint), signature]), 'buffer');

/** The name of a key: the first 16 hexadecimal digits of the hash of its 32 bytes. */
export const keyIdOf = (publicKey: Buffer): string => hash('sha256', publicKey, 'hex').slice(0, 16);

/** An Ed25519 public key of 32 bytes as Node verifies with it. Throws on other bytes. */
export const publicKeyOf = (raw: Buffer): KeyObject => createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });

/** Whether the key has signed just this checkpoint. */
export const isSignedBy = (key: KeyObject, checkpoint: CheckpointFacts, signature: Buffer): boolean => signature.length === 64 && verify(null, checkpointBytes(checkpoint), key, signature);
