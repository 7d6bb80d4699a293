import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepKey, Signer, signerOf, type SignerSource } from '@agent-hive/audit';
import type { Config } from '../config/config.js';
import { serverUrl } from '../config/database-settings.js';
import { StartRefused } from './failures.js';

const FILE = 'signing-key.pem';

/** Where the key that signs the record is: named by the operator, in memory, or in a file that the first start makes. */
export function signerSource(config: Config): SignerSource {
  const { HIVE_SIGNING_KEY: text, HIVE_SIGNING_KEY_FILE: file, HIVE_DATA_DIR: data, HIVE_KEYS_DIR: keys } = config;
  if (text !== null) return once(() => named('HIVE_SIGNING_KEY', text.replaceAll('\\n', '\n')));
  if (file !== null) return once(() => named(`HIVE_SIGNING_KEY_FILE ${file}`, read(file) ?? refuse(`HIVE_SIGNING_KEY_FILE ${file}: there is no such file`)));
  const isServer = serverUrl(config) !== null;
  if (!isServer && data.startsWith('memory:')) return signerOf(Signer.make());
  const path = join(isServer ? keys : data, FILE);
  const find = () => {
    const pem = read(path);
    return pem === null ? null : keyOf(path, pem, false);
  };
  return { find, findOrMake: () => find() ?? make(path) };
}

const once = (load: () => Signer): SignerSource => ({ find: load, findOrMake: load });

const named = (where: string, pem: string): Signer => keyOf(where, pem, true);

function keyOf(where: string, pem: string, replaces: boolean): Signer {
  try {
    return Signer.ofPem(pem, { replaces });
  } catch (error) {
    throw new StartRefused(`${where} is no Ed25519 private key in PEM (openssl genpkey -algorithm ed25519 makes one): ${(error as Error).message}`, { cause: error });
  }
}

/** Null when there is no such file. */
function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new StartRefused(`Cannot read the signing key ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Keeps a new key; of two processes that do so at once, both take the one that is there first. */
const make = (path: string): Signer => keyOf(path, keepKey(path, Signer.make().toPem()), false);

function refuse(message: string): never {
  throw new StartRefused(message);
}
