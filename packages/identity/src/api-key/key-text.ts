import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/*
 * hive_<env>_<tenant>_<key id>_<secret>
 *
 * The tenant is part of the text, so that the guard knows where to look; ids are UUIDs without dashes, the secret is 32
 * random bytes as base64url. What is stored is the sha256 of the secret: it has 256 bits of chance, so a slow hash adds nothing.
 */
const FORMAT = /^hive_[a-z]{1,20}_([0-9a-f]{32})_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;

/** What a key's text says. */
export interface KeyParts {
  tenantId: string;
  keyId: string;
  secret: string;
}

/** A new secret, and what is stored of it. */
export function newSecret(): { secret: string; hash: string } {
  const secret = randomBytes(32).toString('base64url');
  return { secret, hash: hashSecret(secret) };
}

/** The text of a key, shown once. */
export const keyText = (environment: string, { tenantId, keyId, secret }: KeyParts): string =>
  `hive_${environment}_${tenantId.replaceAll('-', '')}_${keyId.replaceAll('-', '')}_${secret}`;

/** The parts of a key's text; null when it is none. */
export function parseKey(text: string): KeyParts | null {
  const match = FORMAT.exec(text);
  return match && { tenantId: dashed(match[1]!), keyId: dashed(match[2]!), secret: match[3]! };
}

const hashSecret = (secret: string): string => hash('sha256', secret);

/** Whether the secret is the one of the hash, in a time that does not tell how much of it is right. */
export const isSecretOf = (stored: string, secret: string): boolean => isSame(stored, hashSecret(secret));

/** Compares two texts of any length in constant time. */
export const isSame = (a: string, b: string): boolean => timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'));

const dashed = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
