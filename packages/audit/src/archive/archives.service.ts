import { Inject, Injectable, Optional } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, decodeIdCursor, NotFound, oneTransaction, pageOf, Refused, tenantSql, Unavailable, type Page } from '@agent-hive/kernel';
import type { AccountedFor } from '../audit.hooks.js';
import { AUDIT_SETTINGS, type AuditSettings } from '../audit-settings.module.js';
import { EntriesService } from '../entries.service.js';
import { LegalHoldsService } from '../hold/legal-holds.service.js';
import { ArchiveDto, type ArchiveQuery } from './archive.dto.js';
import { Archive } from './archive.entity.js';
import { digestOf, pack, unpack, type ArchiveFile } from './archive-file.js';
import { accountedFor, liveAmong, markExpired, markRewritten, selectExpired } from './archive.sql.js';
import type { ArchiveStore } from './archive-store.js';
import { DirectoryArchive } from './directory-archive.js';
import { S3Archive } from './s3-archive.js';

/** Archives: files of rows that left the database, and the rows that prove it. */
@Injectable()
export class ArchivesService {
  readonly #store: ArchiveStore | null;

  constructor(
    private readonly em: EntityManager,
    private readonly holds: LegalHoldsService,
    private readonly entries: EntriesService,
    @Optional() @Inject(AUDIT_SETTINGS) settings?: AuditSettings,
  ) {
    const archive = settings?.archive;
    this.#store = !archive ? null : archive.kind === 's3' ? new S3Archive(archive) : new DirectoryArchive(archive.path);
  }

  /** One archive. Throws NotFound. */
  async get(id: string): Promise<ArchiveDto> {
    return ArchiveDto.of(await this.find(id));
  }

  /** A page of archives, newest first. */
  async list({ limit, cursor, total, table }: ArchiveQuery): Promise<Page<ArchiveDto>> {
    const before = decodeIdCursor(cursor);
    const where = () => ({ tenantId: currentTenantId(), ...(table !== undefined && { storeTable: table }) });
    const archives = await this.em.find(Archive, { ...where(), ...(before !== undefined && { id: { $lt: before } }) }, { orderBy: { id: 'desc' }, limit: limit + 1 });
    const page: Page<ArchiveDto> = pageOf(archives, limit, (archive) => [archive.id], (archive) => ArchiveDto.of(archive));
    if (total) page.total = await this.em.count(Archive, where());
    return page;
  }

  /**
   * The rows of an archive, each a JSON text, after the file's digest was checked. Throws NotFound, Refused when it has expired or was
   * never made, or is not what was stored, and Unavailable when it cannot be fetched.
   */
  async rows(id: string): Promise<string[]> {
    const { location, digest, expiredAt } = await this.find(id);
    if (location == null) {
      const why = expiredAt ? `archive ${id} expired at ${expiredAt.toISOString()}` : `archive ${id} has no file: its policy asked for none`;
      throw new Refused(`${why}; only the proof is left`, 'archive-gone');
    }
    const bytes = await this.store().get(location).catch((error: unknown) => {
      throw new Unavailable(`archive ${id} cannot be read from ${location}: ${String(error)}`);
    });
    if (digestOf(bytes) !== digest) throw new Refused(`archive ${id} is not what was stored: the file ${location} has another digest than its proof`, 'archive-damaged');
    return unpack(bytes);
  }

  /** Stores rows and reads them back; throws when what comes back is not what was sent. */
  async keep(key: string, rows: readonly string[]): Promise<ArchiveFile> {
    const store = this.store();
    const file = await pack(rows);
    await store.put(key, file.bytes);
    if (digestOf(await store.get(key)) !== file.digest) throw new Error(`The archive ${key} came back with another digest than it was stored with`);
    return file;
  }

  /**
   * Writes the archives of a table anew without the rows that `keeps` refuses, in the running transaction; one of which nothing is left
   * becomes an empty file. The files before stay until the caller, once that is committed, forgets them; `old` has those that an earlier
   * rewriting may have left, too. `written` grows by the new files, for a caller whose transaction is rolled back.
   */
  async rewrite(table: string, keeps: (row: string) => boolean, written: string[]): Promise<{ removed: number; old: string[] }> {
    const old: string[] = [];
    let removed = 0;
    const archives = await this.em.find(Archive, { tenantId: currentTenantId(), storeTable: table, location: { $ne: null } }, { orderBy: { id: 'asc' } });
    for (const { id, location } of archives) {
      const rows = await this.rows(id);
      const kept = rows.filter(keeps);
      old.push(...earlierThan(location!));
      if (kept.length === rows.length) continue;
      removed += rows.length - kept.length;
      old.push(location!);
      const next = laterThan(location!);
      written.push(next);
      const { digest, bytes } = await this.keep(next, kept);
      const changed = { id, location: next, rowCount: kept.length, digest, sizeBytes: bytes.length };
      await tenantSql(this.em, (db) => markRewritten(db, changed));
    }
    return { removed, old };
  }

  /** Which sequences of the running tenant's log have a proof that their entry, or its payload, was to go. */
  accountedFor(sequences: readonly number[]): Promise<AccountedFor> {
    return tenantSql(this.em, (db) => accountedFor(db, sequences));
  }

  /** Removes files that nothing refers to. */
  async forgetAll(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.store().delete(key);
  }

  /** Removes those of the files that no proof names: what a transaction wrote that failed, unless it was committed all the same. */
  async forgetUnless(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const live = new Set(await tenantSql(this.em, (db) => liveAmong(db, keys)));
    await this.forgetAll(keys.filter((key) => !live.has(key)));
  }

  /**
   * Removes the files whose time is over, with what they were rewritten from, and says so in their proofs; none while any legal hold is
   * in force, and none after one is placed meanwhile. Returns how many archives went.
   */
  async expire(now: Date): Promise<number> {
    const over = await tenantSql(this.em, (db) => selectExpired(db, now));
    let expired = 0;
    for (const { id, location } of over) {
      const isGone = await oneTransaction(this.em, async () => {
        await this.holds.lock();
        if (await this.holds.any()) return false;
        // An erasure may have written it anew since, or another run removed it.
        if (!(await tenantSql(this.em, (db) => markExpired(db, id, location, now)))) return null;
        await this.entries.record({ action: 'archive.expired', subjectType: 'archive', subjectId: id, details: { location } });
        // Before the commit: should that fail, the next run comes by again.
        await this.forgetAll([...earlierThan(location), location]);
        return true;
      });
      if (isGone === false) break;
      if (isGone) expired += 1;
    }
    return expired;
  }

  private store(): ArchiveStore {
    if (!this.#store) throw new Error('No archive store is configured: set HIVE_ARCHIVE_DIR or HIVE_ARCHIVE_S3_BUCKET');
    return this.#store;
  }

  private async find(id: string): Promise<Archive> {
    const archive = await this.em.findOne(Archive, { tenantId: currentTenantId(), id });
    if (!archive) throw new NotFound('archive', id);
    return archive;
  }
}

const VERSION = /(?:\.v(\d+))?\.ndjson\.gz$/;
const versionOf = (key: string): number => Number(VERSION.exec(key)?.[1] ?? 1);
const atVersion = (key: string, version: number): string => key.replace(VERSION, `${version > 1 ? `.v${version}` : ''}.ndjson.gz`);

/** The key of what a file is rewritten to, and those that it was rewritten from. */
const laterThan = (key: string): string => atVersion(key, versionOf(key) + 1);
const earlierThan = (key: string): string[] => Array.from({ length: versionOf(key) - 1 }, (_, i) => atVersion(key, i + 1));
