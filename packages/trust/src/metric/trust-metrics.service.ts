import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { AgentsService } from '@agent-hive/agents';
import { decodeCursor, foreignCursor, Forbidden, Invalid, iso, isUuid, NotFound, pageOf, requireContext, tenantRead, tenantSql, tenantStatement, type Page } from '@agent-hive/kernel';
import { OTHER_CLASS } from '../gate/gate.js';
import type { Evidence, Judgement } from '../level/evaluation.js';
import { METRIC_RANGES } from './trust-metric.entity.js';
import { TrustMetricDto, type CreateTrustMetricDto, type TrustMetricQuery } from './trust-metric.dto.js';
import { aggregateMetrics, countTrustMetrics, insertReportedMetric, insertTrustMetrics, selectTrustMetrics } from './trust-metric.sql.js';

const RAW_DAYS = 30;
const DAY_MS = 86_400_000;

/** What a judged decision is measured by. */
export interface Measured {
  agentId: string;
  sessionId: string;
  actionClass: string;
  decisionId: string;
  evidence: Evidence;
  window: readonly Judgement[];
}

/** What is measured of agents: after each judged decision, and by others. */
@Injectable()
export class TrustMetricsService {
  constructor(
    private readonly em: EntityManager,
    private readonly agents: AgentsService,
  ) {}

  /** Takes a measurement that somebody made. Throws NotFound on the agent's session, Forbidden for another agent's, Invalid on a value out of the type's range. */
  async create(agentId: string, input: CreateTrustMetricDto): Promise<TrustMetricDto> {
    const { actor } = requireContext().principal;
    if (actor.type === 'agent') throw new Forbidden(`No agent measures how far agents are trusted, and ${actor.name} is one`, 'people-only');
    const max = METRIC_RANGES[input.metricType];
    if (input.metricValue > max) throw new Invalid(`${input.metricType} is 0 to ${max}`, [{ pointer: '/metricValue', message: `must not be greater than ${max}` }]);
    const { sessionId, metricType, metricValue } = input;
    const metric = { agentId, sessionId, metricType, metricValue, actionClass: input.actionClass ?? OTHER_CLASS, measurementContext: input.measurementContext ?? null };
    const row = await tenantStatement(this.em, (db) => insertReportedMetric(db, metric, new Date()));
    if (row) return TrustMetricDto.of(row);
    await this.agents.get(agentId);
    throw new NotFound('session', sessionId);
  }

  /** A page of an agent's measurements, newest first. Throws NotFound on the agent. */
  async list(agentId: string, query: TrustMetricQuery): Promise<Page<TrustMetricDto>> {
    const before = keyOf(query.cursor);
    const page = await tenantRead(this.em, async (db) => {
      const rows = await selectTrustMetrics(db, agentId, query, before);
      const found: Page<TrustMetricDto> = pageOf(rows, query.limit, (row) => [iso(row.recorded_at), row.id], (row) => TrustMetricDto.of(row));
      if (query.total) found.total = await countTrustMetrics(db, agentId, query);
      return found;
    });
    if (page.items.length === 0) await this.agents.get(agentId);
    return page;
  }

  /**
   * Writes what a judged decision shows, in its transaction: accuracy (share of approved ones), reliability (the lower bound of it, which
   * grows with the number of decisions), autonomy (share that went through without asking), in percent over the window.
   */
  async measure({ agentId, sessionId, actionClass, decisionId, evidence, window }: Measured, now: Date): Promise<void> {
    const percent = (share: number | null): number => Math.round((share ?? 0) * 1e4) / 100;
    const autonomy = window.length === 0 ? 0 : window.filter(([, , wasAutonomous]) => wasAutonomous === 1).length / window.length;
    const common = { agentId, sessionId, actionClass, measurementContext: { decisionId, samples: evidence.samples } };
    await tenantSql(this.em, (db) =>
      insertTrustMetrics(db, [
        { ...common, metricType: 'accuracy', metricValue: percent(evidence.approvalRate) },
        { ...common, metricType: 'reliability', metricValue: percent(evidence.low) },
        { ...common, metricType: 'autonomy', metricValue: percent(autonomy) },
      ], now),
    );
  }

  /** Makes the means of the days of what is older than 30 days; returns how many measurements went into them. Safe to run twice. */
  async aggregate(now = new Date()): Promise<number> {
    const before = new Date(Math.floor((now.getTime() - RAW_DAYS * DAY_MS) / DAY_MS) * DAY_MS);
    for (let total = 0; ; ) {
      const count = await tenantStatement(this.em, (db) => aggregateMetrics(db, before));
      total += count;
      if (count === 0) return total;
    }
  }
}

function keyOf(cursor: string | undefined): { at: Date; id: string } | undefined {
  const key = decodeCursor(cursor, 2);
  if (key === null) return undefined;
  const [at, id] = [new Date(key[0]!), key[1]];
  if (typeof key[0] !== 'string' || Number.isNaN(at.getTime()) || !isUuid(id)) throw foreignCursor();
  return { at, id };
}
