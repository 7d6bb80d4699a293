import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, decodeIdCursor, forgetAnswersWith, Invalid, newId, NotFound, oneTransaction, pageOf, Refused, requireContext, tenantSql, type Page, type PageRequest } from '@agent-hive/kernel';
import { ArchivesService } from '../archive/archives.service.js';
import { AuditHooks, type SubjectNames } from '../audit.hooks.js';
import { LegalHoldsService } from '../hold/legal-holds.service.js';
import type { Store, SubjectMatch } from '../retention/store.js';
import { StoresService } from '../retention/stores.service.js';
import { ErasureDto, type CreateErasureDto } from './erasure.dto.js';
import { ErasureReceipt, type StoreReceipt } from './erasure.entity.js';
import { countUnsealed, erasableEntries, eraseEntries, eraseStore, holdOnStore, idsThrough, RECORD, type ErasedSubject } from './erasure.sql.js';

/** For how long an erasure waits until the newest entries about its subject are sealed. */
const SEAL_WAIT_MS = 5_000;
const SEAL_LOOK_MS = 250;

/** Erases people and agents from every store, and leaves a receipt. */
@Injectable()
export class ErasuresService {
  constructor(
    private readonly em: EntityManager,
    private readonly hooks: AuditHooks,
    private readonly stores: StoresService,
    private readonly holds: LegalHoldsService,
    private readonly archives: ArchivesService,
  ) {}

  /** One receipt. Throws NotFound. */
  async get(id: string): Promise<ErasureDto> {
    const receipt = await this.em.findOne(ErasureReceipt, { tenantId: currentTenantId(), id });
    if (!receipt) throw new NotFound('erasure', id);
    return ErasureDto.of(receipt);
  }

  /** A page of receipts, newest first. */
  async list({ limit, cursor, total }: PageRequest): Promise<Page<ErasureDto>> {
    const before = decodeIdCursor(cursor);
    const where = () => ({ tenantId: currentTenantId() });
    const receipts = await this.em.find(ErasureReceipt, { ...where(), ...(before !== undefined && { id: { $lt: before } }) }, { orderBy: { id: 'desc' }, limit: limit + 1 });
    const page: Page<ErasureDto> = pageOf(receipts, limit, (receipt) => [receipt.id], (receipt) => ErasureDto.of(receipt));
    if (total) page.total = await this.em.count(ErasureReceipt, where());
    return page;
  }

  /**
   * Erases a user or an agent in one transaction, archives included, and says what became of every table. What has to stay, such as that
   * somebody did something, keeps the id alone. Can be repeated: it then finds what is left, or nothing. Throws Invalid unless it is told of
   * exactly one subject, NotFound for one that the tenant neither has nor had, and Refused while a legal hold keeps it, or, on whomever,
   * something that would go with it.
   */
  async create(input: CreateErasureDto): Promise<ErasureDto> {
    const subject = await this.subjectOf(input);
    await this.requireFree(subject);
    await this.untilSealed(subject);
    const id = newId();
    const written: string[] = [];
    const old = await oneTransaction(this.em, async () => {
      await this.holds.lock();
      await this.requireFree(subject);
      const all = await this.stores.all();
      await this.requireRowsFree(subject, all);
      const stores = inOrder(all);
      const archived = await this.eraseArchives(subject, all, written);
      const receipts = [...archived.receipts, ...(await this.eraseRows(subject, stores))];
      await tenantSql(this.em, async (db) => {
        const entries = await erasableEntries(db, subject);
        const unsealed = await countUnsealed(db, subject);
        receipts.push({ table: RECORD, erased: 0, blanked: entries.length, kept: unsealed, reason: unsealed > 0 ? 'not sealed yet: repeat the erasure in a few seconds' : null });
        await eraseEntries(db, { id, subject, reason: input.reason ?? null, by: requireContext().principal.actor.name, at: new Date(), stores: receipts }, entries);
      });
      return archived.old;
    }).catch(async (error: unknown) => {
      await this.archives.forgetUnless(written);
      throw error;
    });
    await this.archives.forgetAll(old);
    return this.get(id);
  }

  private async subjectOf({ userId, agentId }: CreateErasureDto): Promise<ErasedSubject> {
    const id = userId ?? agentId;
    if (id === undefined || (userId !== undefined && agentId !== undefined)) {
      throw new Invalid('An erasure is of one subject: give userId or agentId', [{ pointer: '/userId', message: 'must be given, or agentId in its place' }]);
    }
    const type = userId !== undefined ? 'user' : 'agent';
    const known = (await this.hooks.subjects.run(type, id)).find((found): found is SubjectNames => found !== null);
    if (!known && (await this.em.count(ErasureReceipt, { tenantId: currentTenantId(), subjectType: type, subjectId: id })) === 0) throw new NotFound(type, id);
    const { identifiers, values, names } = known ?? { identifiers: [], values: [], names: [] };
    // An agent's id stays as a pseudonym, so texts may have it.
    const texts = type === 'user' ? [id, ...identifiers] : identifiers;
    const parts = [...texts.map((text) => JSON.stringify(text).slice(1, -1)), ...values.filter((value) => value.trim() !== '').map((value) => JSON.stringify(value))];
    return { type, id, parts: parts.map((part) => part.toLowerCase()), names: [...names, ...identifiers, ...values] };
  }

  private async requireFree({ type, id }: ErasedSubject): Promise<void> {
    const hold = await this.holds.holding(type, id);
    if (hold) throw isHeld(`${type} ${id}`, hold);
  }

  /** What another's hold keeps does not go with the subject: the erasure waits for the end of that hold. */
  private async requireRowsFree(subject: ErasedSubject, stores: readonly Store[]): Promise<void> {
    const now = new Date();
    for (const store of stores) {
      const hold = await tenantSql(this.em, (db) => holdOnStore(db, store, subject, now));
      if (hold) throw isHeld(`rows of ${store.table} that tell of ${subject.type} ${subject.id}`, hold);
    }
  }

  /** An entry that is not sealed yet has to wait: its seal would prove a payload that is gone. */
  private async untilSealed(subject: ErasedSubject): Promise<void> {
    for (const end = Date.now() + SEAL_WAIT_MS; Date.now() < end; await pause(SEAL_LOOK_MS)) {
      if ((await tenantSql(this.em, (db) => countUnsealed(db, subject))) === 0) return;
    }
  }

  private async eraseRows(subject: ErasedSubject, stores: readonly Store[]): Promise<StoreReceipt[]> {
    const receipts: StoreReceipt[] = [];
    for (const store of stores) {
      const receipt = await tenantSql(this.em, (db) => eraseStore(db, store, subject));
      if (receipt) receipts.push(receipt);
    }
    for (const rows of (await this.hooks.erased.run(subject.type, subject.id)).flat()) receipts.push({ ...rows, kept: 0, reason: null });
    receipts.push({ table: 'kernel.idempotency_key', erased: await forgetAnswersWith(this.em, `${subject.type}:${subject.id}`, subject.parts), blanked: 0, kept: 0, reason: null });
    return receipts;
  }

  /** Writes archives anew without the subject's rows; the old files go once that is committed. */
  private async eraseArchives(subject: ErasedSubject, stores: readonly Store[], written: string[]): Promise<{ receipts: StoreReceipt[]; old: string[] }> {
    const [receipts, old]: [StoreReceipt[], string[]] = [[], []];
    const holds = await this.holds.inForce();
    for (const store of stores) {
      const match = store.subjects[subject.type];
      if (!match || !store.retention) continue;
      const isAbout = await this.archivedRowsOf(match, subject.id, subject.type === 'user' ? subject.parts : []);
      const keepers: { id: string; keeps: (row: string) => boolean }[] = [];
      for (const { id, subjectType, subjectId } of holds) {
        const held = subjectType === 'tenant' ? undefined : store.subjects[subjectType];
        if (held) keepers.push({ id, keeps: await this.archivedRowsOf(held, subjectId) });
      }
      const stays = (row: string): boolean => {
        if (!isAbout(row)) return true;
        const hold = keepers.find(({ keeps }) => keeps(row));
        if (hold) throw isHeld(`archived rows of ${store.table} that tell of ${subject.type} ${subject.id}`, hold.id);
        return false;
      };
      const { removed, old: files } = await this.archives.rewrite(store.table, stays, written);
      old.push(...files);
      if (removed > 0) receipts.push({ table: `archive:${store.table}`, erased: removed, blanked: 0, kept: 0, reason: null });
    }
    return { receipts, old };
  }

  private async archivedRowsOf({ columns = [], via }: SubjectMatch, id: string, parts: readonly string[] = []): Promise<(row: string) => boolean> {
    const through = new Set(via ? await tenantSql(this.em, (db) => idsThrough(db, via, id)) : []);
    return (text) => {
      const row = JSON.parse(text) as Record<string, unknown>;
      if (columns.some((column) => row[column] === id) || (via && through.has(String(row[via.column])))) return true;
      const lower = parts.length > 0 ? text.toLowerCase() : '';
      return parts.some((part) => lower.includes(part));
    };
  }
}

const isHeld = (what: string, holdId: string): Refused => new Refused(`legal hold ${holdId} keeps ${what}: nothing of it is erased while the hold is in force`, 'legal-hold', { holdId });

/** Rows that are found through another table come before it, since it forgets the subject. The record is done at the end, apart. */
const inOrder = (stores: readonly Store[]): Store[] => {
  const others = stores.filter((store) => store.table !== RECORD);
  return [...others.filter((store) => hasVia(store)), ...others.filter((store) => !hasVia(store))];
};

const hasVia = ({ subjects }: Store): boolean => Object.values(subjects).some((match) => match.via !== undefined);
