import { Injectable, Logger } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { tenantSql, tenantStatement } from '@agent-hive/kernel';
import { requireAiMetadata } from '../agent/agent.entity.js';
import { AgentsService } from '../agent/agents.service.js';
import type { AgentDto } from '../agent/agent.dto.js';
import { selectActivity, selectSpans, storeAnalysis } from './insight.sql.js';
import { InsightsProvider, type AgentSignals, type Insights } from './insights.provider.js';

/** Insights older than this are computed anew when somebody asks for them. */
export const STALE_AFTER_SECONDS = 3600;

const WINDOW_SECONDS = 7 * 86_400;

/** Keeps what is known of agents' performance fresh. A provider that fails costs nothing but the insight. */
@Injectable()
export class InsightsService {
  private readonly log = new Logger('Insights');
  constructor(
    private readonly em: EntityManager,
    private readonly agents: AgentsService,
    private readonly provider: InsightsProvider,
  ) {}

  /** The agent with insights, computed first when its features are enhanced and they are stale. Throws NotFound. */
  async getAgent(id: string, options: { tools?: boolean } = {}): Promise<AgentDto> {
    const agent = await this.agents.get(id, options);
    if (!agent.enhancedFeaturesEnabled || !isStale(agent, new Date())) return { ...agent, insights: agent.aiMetadata.last_insights ?? null };
    const insights = await this.analyse(agent);
    return { ...(await this.agents.get(id, options)), insights };
  }

  /** Computes insights now and returns them, or `{error}` when the provider failed; that is stored too. Throws NotFound for the agent only. */
  async refresh(id: string): Promise<Insights> {
    return this.analyse(await this.agents.get(id));
  }

  private async analyse(agent: AgentDto): Promise<Insights> {
    const now = new Date();
    const signals = await this.signals(agent.id, now);
    // Outside any transaction of our own: a provider may take seconds, and must not hold a connection meanwhile.
    const insights = await this.provider.analyze({ modelType: 'Agent', modelData: agent, signals, includePredictions: true }).catch((error: unknown): Insights => {
      const message = error instanceof Error ? error.message : String(error);
      this.log.warn(`Analysis of agent ${agent.id} by provider ${this.provider.name} failed: ${message}`);
      return { error: message };
    });
    const failed = typeof insights.error === 'string';
    const score = insights.performance_metrics?.overall_score;
    await tenantStatement(this.em, (db) =>
      storeAnalysis(db, agent.id, {
        metadata: requireAiMetadata({ last_insights: insights, analysis_timestamp: now.toISOString() }),
        performanceScore: failed ? null : Math.round(score ?? 0),
        learningMetrics: failed ? null : (insights.learning_data ?? {}),
        optimizationSuggestions: failed ? null : (insights.optimizations ?? []),
        analysedAt: now,
      }),
    );
    return insights;
  }

  private async signals(agentId: string, until: Date): Promise<AgentSignals> {
    const from = new Date(until.getTime() - WINDOW_SECONDS * 1000);
    return tenantSql(this.em, async (db) => ({
      windowSeconds: WINDOW_SECONDS,
      until,
      spans: await selectSpans(db, agentId, from, until),
      ...(await selectActivity(db, agentId)),
    }));
  }
}

/** Whether an agent was never analysed or not within the last hour. */
export function isStale(agent: Pick<AgentDto, 'lastAiAnalysis'>, now: Date): boolean {
  return agent.lastAiAnalysis === null || now.getTime() - Date.parse(agent.lastAiAnalysis) > STALE_AFTER_SECONDS * 1000;
}
