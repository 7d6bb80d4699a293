import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Bytes of a key of AES-256. */
export const KEY_BYTES = 32;
/** NIST SP 800-38D: 96 bits of nonce, 128 bits of tag. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The text was changed, was moved from another place, or is of another key: it cannot be told which. */
export class Undecipherable extends Error {
  override readonly name = 'Undecipherable';
}

/** AES-256-GCM: base64url of nonce, ciphertext and tag. `place` is authenticated with it and must be the same to open it. */
export function seal(key: Buffer, place: string, text: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString('base64url');
}

/** Opens what seal() made. Throws Undecipherable. */
export function open(key: Buffer, place: string, sealed: string): Buffer {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Undecipherable(`What is stored for ${place} is too short to be encrypted`);
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES)).setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(-TAG_BYTES));
  const start = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    return Buffer.concat([start, decipher.final()]);
  } catch (error) {
    throw new Undecipherable(`What is stored for ${place} was changed, or was written in another place`, { cause: error });
  }
}

/** Names a key without telling it: the first 16 hex digits of its SHA-256. */
export const keyId = (key: Buffer): string => createHash('sha256').update(key).digest('hex').slice(0, 16);
