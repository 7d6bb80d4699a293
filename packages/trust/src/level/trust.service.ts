import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { AgentsService, TRUST_LEVELS } from '@agent-hive/agents';
import { currentTenantId, decodeIdCursor, pageOf, tenantRead, transactional, type Page } from '@agent-hive/kernel';
import type { PageQuery } from '@agent-hive/kernel/http';
import { selectRunningStop } from '../emergency/emergency-stop.sql.js';
import { ANY_CLASS } from '../gate/gate.js';
import { Freeze } from '../measure/freeze.entity.js';
import { FreezeDto } from '../measure/measure.dto.js';
import { METRIC_TYPES } from '../metric/trust-metric.entity.js';
import { TrustMetricDto } from '../metric/trust-metric.dto.js';
import { selectLatestMetrics } from '../metric/trust-metric.sql.js';
import { countLevelChanges, selectGrounds, selectLevelChanges, selectStandings } from './standing.sql.js';
import { ClassTrustDto, LevelChangeDto, type AgentTrustDto } from './trust.dto.js';

/** How far agents are trusted, and how it came to that. */
@Injectable()
export class TrustService {
  constructor(
    private readonly em: EntityManager,
    private readonly agents: AgentsService,
  ) {}

  /** How far an agent is trusted, by class, with what it rests on. Throws NotFound. */
  async get(agentId: string): Promise<AgentTrustDto> {
    const { id } = await this.agents.get(agentId);
    const now = new Date();
    const [rows, grounds, stop, metrics] = await tenantRead(this.em, async (db) => [
      await selectStandings(db, id), await selectGrounds(db, id, now), await selectRunningStop(db), await selectLatestMetrics(db, id, METRIC_TYPES),
    ] as const);
    const wildcard = rows.find((row) => row.action_class === ANY_CLASS);
    const { policy } = grounds;
    const classes = rows.map((row) => ClassTrustDto.of(row, wildcard, { isStopped: stop !== undefined, windowSize: policy.thresholds.windowSize, now }));
    const highest = Math.max(0, ...classes.map(({ effectiveLevel }) => TRUST_LEVELS.indexOf(effectiveLevel)));
    return {
      agentId: id,
      effectiveLevel: TRUST_LEVELS[highest]!,
      isEmergencyStopped: stop !== undefined,
      policy: { name: policy.name, version: policy.version },
      classes,
      freezes: await this.freezes(id, now),
      metrics: metrics.map((row) => TrustMetricDto.of(row)),
    };
  }

  /** A page of the changes of an agent's levels, newest first. Throws NotFound. */
  async listChanges(agentId: string, query: PageQuery): Promise<Page<LevelChangeDto>> {
    const before = decodeIdCursor(query.cursor);
    const page = await tenantRead(this.em, async (db) => {
      const rows = await selectLevelChanges(db, agentId, before, query.limit);
      const found: Page<LevelChangeDto> = pageOf(rows, query.limit, (row) => [row.id], (row) => LevelChangeDto.of(row));
      if (query.total) found.total = await countLevelChanges(db, agentId);
      return found;
    });
    if (page.items.length === 0) await this.agents.get(agentId);
    return page;
  }

  private async freezes(agentId: string, now: Date): Promise<FreezeDto[]> {
    const tenantId = currentTenantId();
    const found = await transactional(this.em, (em) =>
      em.find(Freeze, { tenantId, agent: [tenantId, agentId], liftedAt: null, $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] }, { orderBy: { id: 'asc' } }),
    );
    return found.map((freeze) => FreezeDto.of(freeze));
  }
}
