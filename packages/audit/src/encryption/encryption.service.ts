import { randomBytes } from 'node:crypto';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { afterCommit, currentTenantId, isUuid, newId, tenantSql } from '@agent-hive/kernel';
import { AUDIT_SETTINGS, type AuditSettings } from '../audit-settings.module.js';
import { KEY_BYTES, open, seal, Undecipherable } from './cipher.js';
import { activeKey, insertKey, keyById, type DataKeyRow } from './data-key.sql.js';
import { placeOf, type Cell } from './encrypted-column.js';
import { readKeyEncryptionKeys, type KeyEncryptionKeys, type KeyEncryptionSource } from './key-encryption-key.js';

/** The data key that a value names is not one of the tenant's, was destroyed, or is wrapped by a key that this process was not given. */
export class UnknownKey extends Error {
  override readonly name = 'UnknownKey';
}

/** For how long a process goes on with the active key that it knows, in milliseconds, while another may have retired it. */
export const ACTIVE_KEY_MS = 30_000;

const MARK = 'enc1';

/** What every value begins with that the data key made. */
export const prefixOf = (id: string): string => `${MARK}.${id}.`;

const VALUE = /\benc1\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\./g;

/** Ids of the data keys that values in the texts name. */
export const dataKeysIn = (texts: readonly string[]): string[] => [...new Set(texts.flatMap((text) => [...text.matchAll(VALUE)].map((match) => match[1]!)))];

interface ActiveKey {
  id: string;
  seenAt: number;
}

/**
 * Encrypts declared columns, such as a decision's rationale: AES-256-GCM with a data key of the tenant.
 *
 *   enc1.<data key id>.<base64url of nonce, ciphertext, tag>      authenticated with it: tenant, column, row
 *
 * So a value that is copied into another row, column or tenant does not open there.
 */
@Injectable()
export class EncryptionService {
  readonly #source: KeyEncryptionSource;
  #keks: KeyEncryptionKeys | undefined;
  readonly #keys = new Map<string, Buffer>();
  readonly #active = new Map<string, ActiveKey>();

  constructor(
    private readonly em: EntityManager,
    @Optional() @Inject(AUDIT_SETTINGS) settings?: AuditSettings,
  ) {
    this.#source = settings?.encryptionKeys ?? { kind: 'memory' };
    // A key that is named must be there; one that is made is made when it is first needed.
    if (this.#source.kind === 'keys' || (this.#source.kind === 'file' && !this.#source.create)) this.#keks = readKeyEncryptionKeys(this.#source);
  }

  /** The text as it is stored in the cell; null stays null. Makes the tenant's first data key when there is none. */
  async encrypt<T extends string | null>(cell: Cell, text: T): Promise<T extends null ? string | null : string>;
  async encrypt(cell: Cell, text: string | null): Promise<string | null> {
    if (text === null) return null;
    const { id, key } = await this.active();
    return `${prefixOf(id)}${seal(key, placeOf(currentTenantId(), cell), Buffer.from(text))}`;
  }

  /** The text of a stored value. Throws UnknownKey, or Undecipherable for one that was changed or belongs in another cell. */
  async decrypt<T extends string | null>(cell: Cell, stored: T): Promise<T extends null ? string | null : string>;
  async decrypt(cell: Cell, stored: string | null): Promise<string | null> {
    if (stored === null) return null;
    const place = placeOf(currentTenantId(), cell);
    const [mark, id, sealed] = stored.split('.');
    if (mark !== MARK || !isUuid(id) || sealed === undefined) throw new Undecipherable(`What is stored for ${place} is not encrypted`);
    return open(await this.key(id), place, sealed).toString('utf8');
  }

  /** What every value begins with that the active data key made. */
  async activePrefix(): Promise<string> {
    this.#active.delete(currentTenantId());
    return prefixOf((await this.active()).id);
  }

  /** Has this process look up the active key again, once what was written so far is committed: another one may be. */
  forgetActive(): void {
    const tenantId = currentTenantId();
    afterCommit(() => this.#active.delete(tenantId));
  }

  /** A new data key as it is stored. */
  newKey(): { id: string; wrapped: string; wrappedBy: string; createdAt: Date } {
    const id = newId();
    return { id, ...this.wrap(id, randomBytes(KEY_BYTES)), createdAt: new Date() };
  }

  /** The same data key as the present key-encryption key wraps it; null when it does already, or when the key is destroyed. Throws UnknownKey. */
  rewrapped(row: DataKeyRow): { id: string; wrapped: string; wrappedBy: string; before: string } | null {
    if (row.wrapped === null || row.wrapped_by === this.keks.current.id) return null;
    return { id: row.id, ...this.wrap(row.id, this.unwrap(row)), before: row.wrapped };
  }

  private get keks(): KeyEncryptionKeys {
    return (this.#keks ??= readKeyEncryptionKeys(this.#source));
  }

  private async active(): Promise<{ id: string; key: Buffer }> {
    const tenantId = currentTenantId();
    const known = this.#active.get(tenantId);
    if (known && Date.now() - known.seenAt < ACTIVE_KEY_MS) return { id: known.id, key: await this.key(known.id) };
    return tenantSql(this.em, async (db) => {
      if (!(await activeKey(db))) await insertKey(db, this.newKey());
      const row = (await activeKey(db))!;
      // A key that this transaction made is gone should it roll back.
      afterCommit(() => this.#active.set(tenantId, { id: row.id, seenAt: Date.now() }));
      return { id: row.id, key: this.remember(row) };
    });
  }

  private async key(id: string): Promise<Buffer> {
    const known = this.#keys.get(`${currentTenantId()}/${id}`);
    if (known) return known;
    const row = await tenantSql(this.em, (db) => keyById(db, id));
    if (!row) throw new UnknownKey(`This tenant has no data key ${id}`);
    return this.remember(row);
  }

  /** Key ids are random and never reused, so a key of a transaction that rolls back may stay known. */
  private remember(row: DataKeyRow): Buffer {
    const key = this.unwrap(row);
    this.#keys.set(`${currentTenantId()}/${row.id}`, key);
    return key;
  }

  private wrap(id: string, key: Buffer): { wrapped: string; wrappedBy: string } {
    const { current } = this.keks;
    return { wrapped: seal(current.key, `${currentTenantId()}/data-key/${id}`, key), wrappedBy: current.id };
  }

  private unwrap({ id, wrapped, wrapped_by: by }: DataKeyRow): Buffer {
    if (wrapped === null) throw new UnknownKey(`Data key ${id} is destroyed: what it encrypted cannot be read any more`);
    const kek = this.keks.all.get(by);
    if (!kek) throw new UnknownKey(`Data key ${id} is wrapped by the key-encryption key ${by}, which was not given: add it to HIVE_ENCRYPTION_KEY or to the key file, after the present one (${this.keks.current.id})`);
    return open(kek, `${currentTenantId()}/data-key/${id}`, wrapped);
  }
}
