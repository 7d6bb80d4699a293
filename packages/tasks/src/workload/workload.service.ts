import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { WorkloadService } from '@agent-hive/agents';
import { currentTenantId, tenantRead } from '@agent-hive/kernel';
import { selectBusyAgents, selectWorkloads } from './workload.sql.js';

/** Outcomes of a week say how well an agent does. */
const WINDOW_SECONDS = 7 * 86_400;

/** Tells the agents' domain how much each has to do and how its work came out, so that matches and insights know. */
@Injectable()
export class WorkloadReporter {
  /** Agents of each tenant whose work this process has moved since its last report. */
  private readonly touched = new Map<string, Set<string>>();

  constructor(
    private readonly em: EntityManager,
    private readonly workload: WorkloadService,
  ) {}

  /** Notes that the figures of an agent of the running tenant have changed. */
  touch(agentId: string | null): void {
    if (agentId === null) return;
    const tenantId = currentTenantId();
    const agents = this.touched.get(tenantId) ?? new Set();
    this.touched.set(tenantId, agents.add(agentId));
  }

  /** Reports the running tenant's agents that changed in this process and, now and then, all that were busy at their last report, since another process may have died with what it knew. */
  async report(now: Date, whole: boolean): Promise<number> {
    const tenantId = currentTenantId();
    const agents = this.touched.get(tenantId) ?? new Set();
    if (agents.size === 0 && !whole) return 0;
    this.touched.delete(tenantId);
    try {
      const reports = await tenantRead(this.em, async (db) => {
        if (whole) for (const id of await selectBusyAgents(db)) agents.add(id);
        return agents.size === 0 ? [] : selectWorkloads(db, [...agents], WINDOW_SECONDS, now);
      });
      return await this.workload.report(reports);
    } catch (error) {
      for (const id of agents) this.touched.set(tenantId, (this.touched.get(tenantId) ?? new Set()).add(id));
      throw error;
    }
  }
}
