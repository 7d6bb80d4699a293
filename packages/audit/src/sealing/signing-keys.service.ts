import { Inject, Injectable, Optional } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { iso, isUniqueViolation, type Sql } from '@agent-hive/kernel';
import { SigningKeyDto } from './sealing.dto.js';
import { asBuffer } from './sealing.sql.js';
import { keyIdOf } from './seal-format.js';
import { Signer, signerOf, type SignerSource } from './signer.js';
import { activateSigningKey, selectSigningKeys, type SigningKeyRow } from './signing-key.sql.js';

/** Token under which SignerModule says where the process's key is. */
export const SIGNER_SOURCE = Symbol('SIGNER_SOURCE');

/** The process's signing key does not fit the database: the message says why, and what would. */
export class SigningKeyUnfit extends Error {
  override readonly name = 'SigningKeyUnfit';
}

/** The key that this process signs with, and the catalogue of those that ever did. Keys are of the hive, not of a tenant. */
@Injectable()
export class SigningKeysService {
  private readonly source: SignerSource;
  #signer: Signer | null = null;
  #registered: Promise<void> | undefined;

  constructor(
    private readonly em: EntityManager,
    @Optional() @Inject(SIGNER_SOURCE) source?: SignerSource,
  ) {
    this.source = source ?? signerOf(Signer.make());
  }

  /** The process's key. Only who signs asks for it, since it is made when there is none. */
  get signer(): Signer {
    return (this.#signer ??= this.source.findOrMake());
  }

  /** The process's key, if it has one. */
  find(): Signer | null {
    return (this.#signer ??= this.source.find());
  }

  /** Every key, oldest first. */
  async list(): Promise<SigningKeyDto[]> {
    return (await selectSigningKeys(this.outside())).map((row) => SigningKeyDto.of(row));
  }

  /** Public keys by id, as the catalogue has them; an id that is not its key's is left out. */
  async publicKeys(): Promise<Map<string, Buffer>> {
    const rows = (await selectSigningKeys(this.outside())).map((row) => [row.id, asBuffer(row.public_key)] as const);
    const own = this.find();
    return new Map([...rows.filter(([id, key]) => keyIdOf(key) === id), ...(own ? [[own.keyId, own.publicKey] as const] : [])]);
  }

  /**
   * Puts the key into the catalogue, once in the life of the process. One that the operator has named takes the place of the key
   * that signed until now. Throws SigningKeyUnfit for a key that is retired, whose id is another key's, or that nobody named while
   * another one signs: then the file of that other key is missing here.
   */
  register(): Promise<void> {
    return (this.#registered ??= this.#register().catch((error: unknown) => {
      this.#registered = undefined;
      throw error;
    }));
  }

  async #register(): Promise<void> {
    const known = await selectSigningKeys(this.outside());
    if (this.isKnown(known)) return;
    try {
      const { keyId, publicKey } = this.signer;
      await this.outside().transaction().execute((db) => activateSigningKey(db, keyId, publicKey, new Date()));
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      this.isKnown(await selectSigningKeys(this.outside())); // another process was first: with this key, or with one that this gives way to
    }
  }

  private isKnown(rows: readonly SigningKeyRow[]): boolean {
    const { keyId, publicKey, replaces } = this.signer;
    const own = rows.find((row) => row.id === keyId);
    const active = rows.find((row) => row.retired_at === null);
    if (own && !asBuffer(own.public_key).equals(publicKey)) throw new SigningKeyUnfit(`The public key that the database has of signing key ${keyId} is another one: the database was changed, or the file was`);
    if (own?.retired_at) throw new SigningKeyUnfit(`Signing key ${keyId} was retired on ${iso(own.retired_at)}${active ? ` in favour of ${active.id}` : ''}: sign with that one, or with a new one`);
    if (!own && active && !replaces) {
      throw new SigningKeyUnfit(`The record of this database is signed by key ${active.id}, and the key found here is ${keyId}: bring the file of that key, or name a new one by HIVE_SIGNING_KEY_FILE, which then takes its place`);
    }
    return own !== undefined;
  }

  /** The catalogue has no tenant. */
  private outside = (): Sql => this.em.fork().getKysely();
}
