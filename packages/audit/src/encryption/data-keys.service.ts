import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { iso, oneTransaction, tenantSql } from '@agent-hive/kernel';
import { AuditHooks } from '../audit.hooks.js';
import { EntriesService } from '../entries.service.js';
import { DataKeyDto, type DataKeyList } from './data-key.dto.js';
import { allKeys, destroyKey, hasValues, insertKey, isArchivedWith, replaceValues, retireKey, rewrapKey, staleValues, type StaleValue } from './data-key.sql.js';
import type { EncryptedColumn } from './encrypted-column.js';
import { ACTIVE_KEY_MS, EncryptionService, prefixOf } from './encryption.service.js';

/** What this domain records of its keys. */
export const DATA_KEY_ACTIONS: readonly string[] = ['data_key.rotated', 'data_key.destroyed'];

/** By then every process has seen that a key is retired, and what it began to write before that is committed. */
const SETTLED_MS = ACTIVE_KEY_MS + 600_000;

/** The data keys of a tenant: which there are, rotation, and the work that follows from it. */
@Injectable()
export class DataKeysService {
  constructor(
    private readonly em: EntityManager,
    private readonly encryption: EncryptionService,
    private readonly entries: EntriesService,
    private readonly hooks: AuditHooks,
  ) {}

  /** Every key of the tenant, newest first, without its value. */
  async list(): Promise<DataKeyList> {
    return { items: (await tenantSql(this.em, allKeys)).map((row) => DataKeyDto.of(row)) };
  }

  /** Makes a new key the active one. What the earlier ones encrypted stays readable, and is encrypted anew in the background. */
  async rotate(): Promise<DataKeyDto> {
    return oneTransaction(this.em, async () => {
      const before = await tenantSql(this.em, (db) => retireKey(db, new Date()));
      const key = this.encryption.newKey();
      this.encryption.forgetActive();
      const isMade = await tenantSql(this.em, (db) => insertKey(db, key));
      const made = (await tenantSql(this.em, allKeys)).find((row) => row.retired_at === null)!;
      if (isMade) await this.entries.record({ action: 'data_key.rotated', subjectType: 'data_key', subjectId: made.id, risk: 'medium', details: { retired: before ?? null } });
      return DataKeyDto.of(made);
    });
  }

  /**
   * Encrypts with the active key what an earlier one did, a batch a transaction, and wraps keys with the present key-encryption key.
   * A key that was retired a while ago and of which nothing is left, in no archive either, is destroyed. Safe to run twice and to be killed anywhere.
   * Returns how many values it replaced.
   */
  async work(signal?: AbortSignal, now = new Date()): Promise<number> {
    const keys = await tenantSql(this.em, allKeys);
    for (const key of keys) {
      const rewrapped = this.encryption.rewrapped(key);
      if (rewrapped) await tenantSql(this.em, (db) => rewrapKey(db, rewrapped));
    }
    const retired = keys.filter((key) => key.retired_at !== null && key.destroyed_at === null);
    if (retired.length === 0) return 0;
    const columns = (await this.hooks.encryptedColumns.run()).flat();
    let replaced = 0;
    for (const column of columns) replaced += await this.reencrypt(column, signal);
    if (signal?.aborted) return replaced;
    for (const { id } of retired.filter((key) => now.getTime() - Date.parse(iso(key.retired_at!)) > SETTLED_MS)) await this.destroy(id, columns, now);
    return replaced;
  }

  /** Unless an archive still needs it, or a value came back that it encrypted, out of a transaction that took longer than anything should: the next run has it again. */
  private async destroy(id: string, columns: readonly EncryptedColumn[], now: Date): Promise<void> {
    await oneTransaction(this.em, async () => {
      for (const column of columns) if (await tenantSql(this.em, (db) => hasValues(db, column, prefixOf(id)))) return;
      // After the columns: a row that leaves them meanwhile is in an archive by then.
      if (await tenantSql(this.em, (db) => isArchivedWith(db, id))) return;
      await tenantSql(this.em, (db) => destroyKey(db, id, now));
      await this.entries.record({ action: 'data_key.destroyed', subjectType: 'data_key', subjectId: id });
    });
  }

  private async reencrypt(column: EncryptedColumn, signal?: AbortSignal): Promise<number> {
    const prefix = await this.encryption.activePrefix();
    let replaced = 0;
    for (let after: string | null = null; !signal?.aborted; ) {
      const values = await tenantSql(this.em, (db) => staleValues(db, column, prefix, after));
      const last = values.at(-1);
      if (!last) break;
      const renewed: (StaleValue & { replacement: string })[] = [];
      for (const { row, value } of values) {
        const cell = { ...column, row };
        renewed.push({ row, value, replacement: await this.encryption.encrypt(cell, await this.encryption.decrypt(cell, value)) });
      }
      replaced += await tenantSql(this.em, (db) => replaceValues(db, column, renewed));
      after = last.row;
    }
    return replaced;
  }
}
