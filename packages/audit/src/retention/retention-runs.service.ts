import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, decodeIdCursor, idFloor, idTime, isUniqueViolation, NotFound, oneTransaction, pageOf, Refused, tenantSql, transactional, type Page, type PageRequest } from '@agent-hive/kernel';
import { ArchivesService } from '../archive/archives.service.js';
import { digestOf } from '../archive/archive-file.js';
import { dataKeysIn } from '../encryption/encryption.service.js';
import type { Period } from './retention-class.js';
import { RetentionPoliciesService } from './retention-policies.service.js';
import { countDue, dropEmptyMonths, lockRetention, nextDue, takeOut, type Due, type LeavingRow } from './retention.sql.js';
import { RetentionRunDto } from './retention-run.dto.js';
import { RetentionRun, type StoreCounts } from './retention-run.entity.js';
import { abandonRuns, extendLease } from './retention-run.sql.js';
import type { RetainedStore } from './store.js';
import { StoresService } from './stores.service.js';

const DAY_MS = 86_400_000;
/** A batch, from the rows' being read until they are gone, takes seconds. */
const LEASE_MS = 300_000;
/** How often a batch is tried again whose rows change while it is being archived. */
const ATTEMPTS = 5;

/** What a run knows while it goes. */
interface Going {
  run: RetentionRun;
  now: Date;
  signal?: AbortSignal;
}

/** A row of the batch was changed, or a hold was placed, between its archive and its deletion. */
class BatchChanged extends Error {}

/**
 * Applies the policies: what is due is archived, the archive is read back, and only then, in one transaction with the proof of it, the rows
 * go. A process may end anywhere: what was not deleted is due again, and its archive is written anew over the old one.
 */
@Injectable()
export class RetentionRunsService {
  constructor(
    private readonly em: EntityManager,
    private readonly stores: StoresService,
    private readonly policies: RetentionPoliciesService,
    private readonly archives: ArchivesService,
  ) {}

  /** One run. Throws NotFound. */
  async get(id: string): Promise<RetentionRunDto> {
    const run = await this.em.findOne(RetentionRun, { tenantId: currentTenantId(), id });
    if (!run) throw new NotFound('retention run', id);
    return RetentionRunDto.of(run);
  }

  /** A page of runs, newest first. */
  async list({ limit, cursor, total }: PageRequest): Promise<Page<RetentionRunDto>> {
    const before = decodeIdCursor(cursor);
    const where = () => ({ tenantId: currentTenantId() });
    const runs = await this.em.find(RetentionRun, { ...where(), ...(before !== undefined && { id: { $lt: before } }) }, { orderBy: { id: 'desc' }, limit: limit + 1 });
    const page: Page<RetentionRunDto> = pageOf(runs, limit, (run) => [run.id], (run) => RetentionRunDto.of(run));
    if (total) page.total = await this.em.count(RetentionRun, where());
    return page;
  }

  /**
   * Goes through every store of the tenant. A failure ends the run, which says why in its answer: what was not archived is not deleted.
   * Throws Refused while another run is at work.
   */
  async create({ dryRun, now = new Date(), signal }: { dryRun: boolean; now?: Date; signal?: AbortSignal }): Promise<RetentionRunDto> {
    const run = await this.begin(dryRun);
    const going: Going = { run, now, ...(signal && { signal }) };
    const counts: StoreCounts[] = [];
    let [expired, failure]: [number, string | null] = [0, null];
    try {
      const periods = await this.policies.periods();
      for (const store of await this.stores.retained()) await this.go(going, store, periods.get(store.retention)!, counts);
      if (!dryRun) expired = await this.archives.expire(now);
      if (signal?.aborted) failure = 'the process is shutting down; the next run goes on from here';
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    return this.end(run, counts, expired, failure);
  }

  private async begin(isDryRun: boolean): Promise<RetentionRun> {
    const now = new Date();
    try {
      return await transactional(this.em, async (em) => {
        await tenantSql(em, (db) => abandonRuns(db, now));
        const run = em.create(RetentionRun, { isDryRun, state: 'running', startedAt: now, finishedAt: null, leaseExpiresAt: new Date(now.getTime() + LEASE_MS), stores: [], expiredArchives: 0, error: null });
        await em.persist(run).flush();
        return run;
      });
    } catch (error) {
      if (isUniqueViolation(error)) throw new Refused('A retention run of this tenant is at work: wait for its end', 'retention-running');
      throw error;
    }
  }

  private async end({ id }: RetentionRun, stores: StoreCounts[], expiredArchives: number, error: string | null): Promise<RetentionRunDto> {
    return transactional(this.em, async (em) => {
      const run = await em.findOneOrFail(RetentionRun, { tenantId: currentTenantId(), id }, { refresh: true });
      // One that lost its lease was given up by another, which has said so.
      if (run.state === 'running') em.assign(run, { state: error === null ? 'completed' : 'failed', finishedAt: new Date(), stores, expiredArchives, error });
      await em.flush();
      return RetentionRunDto.of(run);
    });
  }

  /** Goes through one store; its counts are in the list from the start, so that a run that fails in it still says what it has done. */
  private async go(going: Going, store: RetainedStore, period: Period, counts: StoreCounts[]): Promise<void> {
    const { run, now, signal } = going;
    const cutoff = new Date(now.getTime() - period.hotDays * DAY_MS);
    const due: Due = { store, floor: idFloor(cutoff), now };
    const counted = await tenantSql(this.em, (db) => countDue(db, due));
    const done: StoreCounts = { table: store.table, retentionClass: store.retention, cutoff: cutoff.toISOString(), ...counted, archived: 0, deleted: 0, droppedMonths: [] };
    counts.push(done);
    if (run.isDryRun) return;
    let after: string | null = null;
    for (let attempt = 1; !signal?.aborted; ) {
      const rows = await tenantSql(this.em, (db) => nextDue(db, due, after));
      if (rows.length === 0) break;
      try {
        if (await this.leave(going, due, period, rows)) done.archived += rows.length;
        done.deleted += rows.length;
        after = rows.at(-1)!.id;
        attempt = 1;
      } catch (error) {
        if (!(error instanceof BatchChanged) || attempt++ === ATTEMPTS) throw error;
      }
    }
    if (store.isPartitioned && !signal?.aborted) done.droppedMonths = await tenantSql(this.em, (db) => dropEmptyMonths(db, store.table, cutoff));
  }

  /** Archives a batch, if the policy asks for it, and takes it out. Returns whether there is an archive. */
  private async leave({ run, now }: Going, due: Due, { hotDays, totalDays }: Period, rows: readonly LeavingRow[]): Promise<boolean> {
    const { store } = due;
    const texts = rows.map((row) => row.row);
    const key = totalDays === null || totalDays > hotDays ? `${currentTenantId()}/${store.table}/${rows[0]!.id}.ndjson.gz` : null;
    const file = key === null ? null : await this.archives.keep(key, texts);
    const expiresAt = key === null || totalDays === null ? null : new Date(idTime(rows.at(-1)!.id)!.getTime() + totalDays * DAY_MS);
    const proof = { runId: run.id, rows, digest: file?.digest ?? digestOf(texts.map((text) => `${text}\n`).join('')), sizeBytes: file?.bytes.length ?? 0, location: key, dataKeyIds: file ? dataKeysIn(texts) : [], expiresAt };
    await oneTransaction(this.em, () =>
      tenantSql(this.em, async (db) => {
        await lockRetention(db);
        if (!(await extendLease(db, run.id, new Date(Date.now() + LEASE_MS)))) throw new Error('The run was given up, since it was not heard of for too long');
        const gone = await takeOut(db, { ...due, now: new Date(Math.max(now.getTime(), Date.now())) }, proof);
        if (gone !== rows.length) throw new BatchChanged(`${rows.length - gone} rows of ${store.table} changed while they were being archived`);
      }),
    ).catch(async (error: unknown) => {
      if (error instanceof BatchChanged && key !== null) await this.archives.forgetAll([key]);
      throw error;
    });
    return key !== null;
  }
}
