import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, tenantStatement } from '@agent-hive/kernel';
import { upsertWorkloads, type WorkloadReport } from './workload.sql.js';

/** Takes what others measured of agents' work, so that matches and insights read one schema. */
@Injectable()
export class WorkloadService {
  constructor(private readonly em: EntityManager) {}

  /** Writes the figures of agents that exist; a report older than the stored one changes nothing. Returns how many were written. */
  async report(reports: readonly WorkloadReport[]): Promise<number> {
    if (reports.length === 0) return 0;
    return tenantStatement(this.em, (db) => upsertWorkloads(db, currentTenantId(), reports));
  }
}
