import { Injectable, Logger } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, sqlState, tenantRead } from '@agent-hive/kernel';
import { AuditHooks, type ConsistencyCheck } from '../audit.hooks.js';
import { EntriesService } from '../entries.service.js';
import type { ConsistencyFindingDto, ConsistencyReportDto } from './consistency-check.dto.js';
import { COUNTED_MAX, limitStatements, selectKnown, selectViolations } from './consistency.sql.js';

/** What the record says of checks. */
export const CONSISTENCY_ACTIONS = ['consistency.violated', 'consistency.restored'];

const SUBJECT = 'consistency_check';
const EXAMPLES_MAX = 10;
const TIMEOUT_MS = 30_000;
const CANCELLED = '57014';

/** Looks for what should not be: rows that refer to nothing, counters and copies that differ from what they count. */
@Injectable()
export class ConsistencyService {
  private readonly log = new Logger('Consistency');
  constructor(
    private readonly em: EntityManager,
    private readonly hooks: AuditHooks,
    private readonly entries: EntriesService,
  ) {}

  /**
   * Runs the checks of all domains over the running tenant, each in a transaction of its own, whose statement ends after 30 s. To be called
   * outside of a transaction.
   */
  async check(timeoutMs = TIMEOUT_MS): Promise<ConsistencyReportDto> {
    const checks: ConsistencyFindingDto[] = [];
    for (const check of (await this.hooks.consistencyChecks.run()).flat()) checks.push(await this.run(check, timeoutMs));
    return { ok: checks.every(({ status }) => status === 'clean'), checks };
  }

  /**
   * Runs the checks, warns of each that is not clean, and writes into the record what is new: that a check is violated, or more
   * so than the last entry says, or clean again. Run twice, it writes nothing twice. Not in a transaction, as check().
   */
  async watch(): Promise<ConsistencyReportDto> {
    const report = await this.check();
    const known = await tenantRead(this.em, (db) => selectKnown(db, SUBJECT, report.checks.map(({ name }) => name)));
    for (const finding of report.checks) {
      const { name, status, violations, isCapped } = finding;
      if (status === 'violated') this.log.warn(`Check ${name} is violated by ${violations}${isCapped ? ' or more' : ''} in tenant ${currentTenantId()}`);
      if (status === 'unfinished') this.log.warn(`Check ${name} did not end within ${TIMEOUT_MS / 1000} s in tenant ${currentTenantId()}`);
      else await this.record(finding, known.get(name) ?? 0);
    }
    return report;
  }

  private async run(check: ConsistencyCheck, timeoutMs: number): Promise<ConsistencyFindingDto> {
    const { name, description, subjectType } = check;
    const started = performance.now();
    const found = await this.violationsOf(check, timeoutMs);
    const violations = Math.min(found?.length ?? 0, COUNTED_MAX);
    return {
      name,
      description,
      status: found === null ? 'unfinished' : violations === 0 ? 'clean' : 'violated',
      violations,
      isCapped: (found?.length ?? 0) > COUNTED_MAX,
      examples: (found ?? []).slice(0, EXAMPLES_MAX).map((id) => ({ type: subjectType, id })),
      tookMs: Math.round(performance.now() - started),
    };
  }

  /** Null when there was not enough time. */
  private async violationsOf(check: ConsistencyCheck, timeoutMs: number): Promise<string[] | null> {
    try {
      return await tenantRead(this.em, async (db) => {
        await limitStatements(db, timeoutMs);
        return selectViolations(db, check);
      });
    } catch (error) {
      if (sqlState(error) === CANCELLED) return null;
      throw error;
    }
  }

  private async record({ name, status, violations, isCapped, examples }: ConsistencyFindingDto, known: number): Promise<void> {
    if (status === 'violated' && violations > known) {
      await this.entries.record({ action: 'consistency.violated', subjectType: SUBJECT, subjectId: name, risk: 'high', details: { violations, isCapped, examples } });
    } else if (status === 'clean' && known > 0) {
      await this.entries.record({ action: 'consistency.restored', subjectType: SUBJECT, subjectId: name, risk: 'low', details: { violations: known } });
    }
  }
}
