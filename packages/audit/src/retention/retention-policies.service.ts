import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, Invalid, Refused, transactional, type FieldError } from '@agent-hive/kernel';
import { LegalHoldsService } from '../hold/legal-holds.service.js';
import { AUDIT_HOT_DAYS_MIN, RETENTION_CLASSES, RETENTION_DEFAULTS, type Period, type RetentionClass } from './retention-class.js';
import type { PeriodDto, ReplacePoliciesDto, RetentionPolicyList } from './retention-policy.dto.js';
import { RetentionPolicy } from './retention-policy.entity.js';
import { StoresService } from './stores.service.js';

/** How long a tenant keeps what. */
@Injectable()
export class RetentionPoliciesService {
  constructor(
    private readonly em: EntityManager,
    private readonly stores: StoresService,
    private readonly holds: LegalHoldsService,
  ) {}

  /** The policy of every class. */
  async list(): Promise<RetentionPolicyList> {
    const own = await this.own();
    const stores = await this.stores.retained();
    return {
      items: RETENTION_CLASSES.map((retentionClass) => ({
        retentionClass,
        ...periodOf(retentionClass, own),
        isDefault: !own.has(retentionClass),
        tables: stores.filter((store) => store.retention === retentionClass).map((store) => store.table),
      })),
    };
  }

  /** The periods in force. */
  async periods(): Promise<ReadonlyMap<RetentionClass, Period>> {
    const own = await this.own();
    return new Map(RETENTION_CLASSES.map((retentionClass) => [retentionClass, periodOf(retentionClass, own)]));
  }

  /**
   * Replaces the tenant's own periods; a class that is not named gets the default. Throws Invalid for a class named twice, a total shorter
   * than the hot time, or a record kept for less than a year; Refused when a period becomes shorter while the whole tenant is held.
   */
  async replace({ items }: ReplacePoliciesDto): Promise<RetentionPolicyList> {
    requireSound(items);
    await transactional(this.em, async (em) => {
      await this.holds.lock();
      const before = new Map((await em.find(RetentionPolicy, { tenantId: currentTenantId() })).map((policy) => [policy.retentionClass, policy]));
      const wanted = new Map(items.map((item) => [item.retentionClass, item]));
      const shortened = RETENTION_CLASSES.filter((name) => isShorter(periodOf(name, wanted), periodOf(name, periodsOf(before.values()))));
      const hold = shortened.length > 0 ? await this.holds.ofTenant() : null;
      if (hold) throw new Refused(`legal hold ${hold} keeps the whole tenant: ${shortened.join(', ')} cannot be kept for less while it is in force`, 'legal-hold', { holdId: hold, classes: shortened });
      for (const [name, policy] of before) if (!wanted.has(name)) em.remove(policy);
      for (const [name, { hotDays, totalDays }] of wanted) {
        const policy = before.get(name);
        if (!policy) em.create(RetentionPolicy, { retentionClass: name, hotDays, totalDays });
        else if (policy.hotDays !== hotDays || policy.totalDays !== totalDays) em.assign(policy, { hotDays, totalDays, updatedAt: new Date() });
      }
      await em.flush();
    });
    return this.list();
  }

  private async own(): Promise<ReadonlyMap<RetentionClass, Period>> {
    return periodsOf(await this.em.find(RetentionPolicy, { tenantId: currentTenantId() }));
  }
}

function periodOf(name: RetentionClass, own: ReadonlyMap<RetentionClass, Period>): Period {
  const { hotDays, totalDays } = own.get(name) ?? RETENTION_DEFAULTS[name];
  return { hotDays, totalDays };
}

const periodsOf = (policies: Iterable<RetentionPolicy>): ReadonlyMap<RetentionClass, Period> =>
  new Map([...policies].map(({ retentionClass, hotDays, totalDays }) => [retentionClass, { hotDays, totalDays: totalDays ?? null }]));

const isShorter = (now: Period, before: Period): boolean => now.hotDays < before.hotDays || (now.totalDays ?? Infinity) < (before.totalDays ?? Infinity);

function requireSound(items: readonly PeriodDto[]): void {
  const errors: FieldError[] = [];
  for (const [i, { retentionClass, hotDays, totalDays }] of items.entries()) {
    if (items.findIndex((item) => item.retentionClass === retentionClass) !== i) errors.push({ pointer: `/items/${i}/retentionClass`, message: `${retentionClass} is named twice` });
    if (totalDays !== null && totalDays < hotDays) errors.push({ pointer: `/items/${i}/totalDays`, message: `must be null, or ${hotDays} (hotDays) or more` });
    if (retentionClass === 'audit' && hotDays < AUDIT_HOT_DAYS_MIN) errors.push({ pointer: `/items/${i}/hotDays`, message: `the record is kept for ${AUDIT_HOT_DAYS_MIN} days or more` });
  }
  if (errors.length > 0) throw new Invalid(errors[0]!.message, errors);
}
