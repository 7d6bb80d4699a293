import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode } from '@mikro-orm/postgresql';
import { currentTenantId, decodeIdCursor, Invalid, NotFound, pageOf, requireContext, tenantSql, transactional, type Page } from '@agent-hive/kernel';
import { AuditHooks } from '../audit.hooks.js';
import { lockRetention } from '../retention/retention.sql.js';
import { LegalHoldDto, type CreateLegalHoldDto, type LegalHoldQuery } from './legal-hold.dto.js';
import { LegalHold } from './legal-hold.entity.js';

/** Legal holds: what must not go while they are in force. */
@Injectable()
export class LegalHoldsService {
  constructor(
    private readonly em: EntityManager,
    private readonly hooks: AuditHooks,
  ) {}

  /** One hold. Throws NotFound. */
  async get(id: string): Promise<LegalHoldDto> {
    const hold = await this.em.findOne(LegalHold, { tenantId: currentTenantId(), id });
    if (!hold) throw new NotFound('legal hold', id);
    return LegalHoldDto.of(hold);
  }

  /** A page of holds, newest first. */
  async list({ limit, cursor, total, inForce }: LegalHoldQuery): Promise<Page<LegalHoldDto>> {
    const before = decodeIdCursor(cursor);
    const now = new Date();
    const active = { releasedAt: null, $or: [{ until: null }, { until: { $gt: now } }] };
    const where = () => ({ tenantId: currentTenantId(), ...(inForce === true && active), ...(inForce === false && { $not: active }) });
    const holds = await this.em.find(LegalHold, { ...where(), ...(before !== undefined && { id: { $lt: before } }) }, { orderBy: { id: 'desc' }, limit: limit + 1 });
    const page: Page<LegalHoldDto> = pageOf(holds, limit, (hold) => [hold.id], (hold) => LegalHoldDto.of(hold, now));
    if (total) page.total = await this.em.count(LegalHold, where());
    return page;
  }

  /**
   * Places a hold: once it is answered, nothing about the subject goes. Throws NotFound for a subject that the tenant does not have, and
   * Invalid for an end that is past.
   */
  async create({ subjectType, subjectId, reason, until }: CreateLegalHoldDto): Promise<LegalHoldDto> {
    const placedAt = new Date();
    const end = until === undefined ? null : new Date(until);
    if (end && end <= placedAt) throw new Invalid('until must lie in the future', [{ pointer: '/until', message: 'must lie in the future' }]);
    return transactional(this.em, async (em) => {
      await this.lock();
      const isKnown = subjectType === 'tenant' ? subjectId === currentTenantId() : (await this.hooks.subjects.run(subjectType, subjectId)).some((found) => found !== null);
      if (!isKnown) throw new NotFound(subjectType, subjectId);
      const hold = em.create(LegalHold, { subjectType, subjectId, reason, until: end, placedByName: requireContext().principal.actor.name, placedAt });
      await em.persist(hold).flush();
      return LegalHoldDto.of(hold);
    });
  }

  /** Ends a hold. Throws NotFound, or Refused when it was released before. */
  async release(id: string, reason: string): Promise<LegalHoldDto> {
    return transactional(this.em, async (em) => {
      const hold = await em.findOne(LegalHold, { tenantId: currentTenantId(), id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (!hold) throw new NotFound('legal hold', id);
      hold.release(reason, new Date());
      await em.flush();
      return LegalHoldDto.of(hold);
    });
  }

  /** Takes the tenant's turn in retention, until the transaction ends. */
  lock(): Promise<void> {
    return tenantSql(this.em, lockRetention);
  }

  /** Id of a hold on the whole tenant that is in force, or null. */
  async ofTenant(): Promise<string | null> {
    return this.holding('tenant', currentTenantId());
  }

  /** Id of a hold in force on the subject or on the whole tenant, or null. */
  async holding(subjectType: LegalHold['subjectType'], subjectId: string): Promise<string | null> {
    const about = [{ subjectType, subjectId }, { subjectType: 'tenant' as const }];
    const hold = await this.em.findOne(LegalHold, { tenantId: currentTenantId(), releasedAt: null, $and: [{ $or: about }, { $or: [{ until: null }, { until: { $gt: new Date() } }] }] });
    return hold?.id ?? null;
  }

  /** Every hold of the tenant that is in force. */
  inForce(): Promise<LegalHold[]> {
    return this.em.find(LegalHold, { tenantId: currentTenantId(), releasedAt: null, $or: [{ until: null }, { until: { $gt: new Date() } }] });
  }

  /** Whether any hold of the tenant is in force. */
  async any(): Promise<boolean> {
    return (await this.inForce()).length > 0;
  }
}
