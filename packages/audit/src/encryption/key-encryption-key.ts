import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { keepKey } from '../key-file.js';
import { KEY_BYTES, keyId } from './cipher.js';

/** Where the key-encryption keys come from: in words, in a file, or made for as long as the process lives. */
export type KeyEncryptionSource =
  | { kind: 'keys'; text: string }
  | { kind: 'file'; path: string; /** Make one where there is none. */ create: boolean }
  | { kind: 'memory' };

/** The keys that wrap data keys: the first wraps, all of them unwrap. */
export interface KeyEncryptionKeys {
  current: { id: string; key: Buffer };
  all: ReadonlyMap<string, Buffer>;
}

/** The key-encryption key cannot be had; the message says where it was looked for and what must be there. */
export class KeyUnusable extends Error {
  override readonly name = 'KeyUnusable';
}

/** Reads the keys. Throws KeyUnusable. */
export function readKeyEncryptionKeys(source: KeyEncryptionSource): KeyEncryptionKeys {
  if (source.kind === 'memory') return keysOf([randomBytes(KEY_BYTES)]);
  if (source.kind === 'keys') return keysOf(parse(source.text, 'HIVE_ENCRYPTION_KEY'));
  return keysOf(parse(readOrCreate(source.path, source.create), source.path));
}

const keysOf = (keys: readonly Buffer[]): KeyEncryptionKeys => ({
  current: { id: keyId(keys[0]!), key: keys[0]! },
  all: new Map(keys.map((key) => [keyId(key), key])),
});

/** Keys in base64 or hex, separated by commas or lines; the newest first. */
function parse(text: string, where: string): Buffer[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  const keys = words.map((word) => (/^[0-9a-f]{64}$/i.test(word) ? Buffer.from(word, 'hex') : Buffer.from(word, 'base64')));
  if (keys.length === 0 || keys.some((key) => key.length !== KEY_BYTES)) {
    throw new KeyUnusable(`${where} must hold keys of ${KEY_BYTES} bytes, in base64 or hex, the newest first; make one by \`openssl rand -base64 32\``);
  }
  return keys;
}

function readOrCreate(path: string, create: boolean): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new KeyUnusable(`The encryption key in ${path} cannot be read: ${message}`, { cause: error });
    if (!create) throw new KeyUnusable(`There is no encryption key in ${path}`, { cause: error });
  }
  return makeKey(path);
}

function makeKey(path: string): string {
  try {
    return keepKey(path, `${randomBytes(KEY_BYTES).toString('base64')}\n`);
  } catch (error) {
    throw new KeyUnusable(`No encryption key can be made in ${path}: ${(error as Error).message}`, { cause: error });
  }
}
