import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { checkpointBytes, keyIdOf, type CheckpointFacts } from './seal-format.js';

/** A private key that signs checkpoints. */
export class Signer {
  readonly keyId: string;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Buffer;

  /** `replaces` allows the key to take the place of the one that signed until now: the operator has named it. */
  private constructor(
    private readonly key: KeyObject,
    readonly replaces: boolean,
  ) {
    this.publicKey = Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x!, 'base64url');
    this.keyId = keyIdOf(this.publicKey);
  }

  /** From PKCS #8 PEM. Throws on anything but an Ed25519 key. */
  static ofPem(pem: string, { replaces = false } = {}): Signer {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is of type ${key.asymmetricKeyType}, and checkpoints are signed by Ed25519`);
    return new Signer(key, replaces);
  }

  /** A new key, gone with the process unless its PEM is kept. */
  static make(): Signer {
    return new Signer(generateKeyPairSync('ed25519').privateKey, false);
  }

  /** PKCS #8 PEM. */
  toPem(): string {
    return this.key.export({ type: 'pkcs8', format: 'pem' }) as string;
  }

  /** The signature of a checkpoint, 64 bytes. */
  sign(checkpoint: CheckpointFacts): Buffer {
    return sign(null, checkpointBytes(checkpoint), this.key);
  }
}

/** Where a process has its key. */
export interface SignerSource {
  /** The key, if there is one. Throws when it is there and cannot be used. */
  find(): Signer | null;
  /** The key; a new one, kept for the next process, if there is none. */
  findOrMake(): Signer;
}

/** A key that is there already, or lives as long as the process. */
export const signerOf = (signer: Signer): SignerSource => ({ find: () => signer, findOrMake: () => signer });
