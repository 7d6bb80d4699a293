import { Injectable, Logger } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { tenantSql, tenantStatement } from '@agent-hive/kernel';
import { requireStorable } from '@agent-hive/kernel/http';
import { requireAiMetadata } from '../agent/agent.entity.js';
import { AgentsService } from '../agent/agents.service.js';
import type { AgentDto } from '../agent/agent.dto.js';
import { selectActivity, selectSpans, storeAnalysis, storeFailure } from './insight.sql.js';
import { InsightsProvider, type AgentSignals, type Insights, type InsightsRequest } from './insights.provider.js';
import { requireSuccess, storableText } from './language-model.js';

/** Insights older than this are computed anew when somebody asks for them. */
export const STALE_AFTER_SECONDS = 3600;

/** After a failure the provider is left alone this long, so that readers do not wait for its timeout one by one. */
const RETRY_AFTER_SECONDS = 60;

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
    const insights = await this.ask({ modelType: 'Agent', modelData: agent, signals: await this.signals(agent.id, now), includePredictions: true });
    const { error } = insights;
    await tenantStatement(this.em, (db) =>
      typeof error === 'string'
        ? storeFailure(db, agent.id, { message: error, at: now.toISOString() })
        : storeAnalysis(db, agent.id, {
            metadata: requireAiMetadata({ last_insights: insights, analysis_timestamp: now.toISOString() }),
            performanceScore: Math.round(insights.performance_metrics?.overall_score ?? 0),
            learningMetrics: insights.learning_data ?? {},
            optimizationSuggestions: insights.optimizations ?? [],
            analysedAt: now,
          }),
    );
    return insights;
  }

  /** What the provider finds, or `{error}`. Outside any transaction: a provider may take seconds, and must not hold a connection meanwhile. */
  private async ask(request: InsightsRequest): Promise<Insights> {
    try {
      return usable(await this.provider.analyze(request));
    } catch (error) {
      const message = storableText(error instanceof Error ? error.message : String(error));
      this.log.warn(`Analysis of agent ${request.modelData.id} by provider ${this.provider.name} failed: ${message}`);
      return { error: message };
    }
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

/** Whether an agent was not analysed within the last hour, nor in vain within the last minute. */
export function isStale({ lastAiAnalysis, aiMetadata }: Pick<AgentDto, 'lastAiAnalysis' | 'aiMetadata'>, now: Date): boolean {
  const isWithin = (at: string | null | undefined, seconds: number): boolean => at != null && now.getTime() - Date.parse(at) <= seconds * 1000;
  return !isWithin(lastAiAnalysis, STALE_AFTER_SECONDS) && !isWithin(aiMetadata.last_error?.at, RETRY_AFTER_SECONDS);
}

/** Refuses an answer that cannot be kept, and one that says itself that it failed, in whatever form. */
function usable(insights: Insights): Insights {
  requireStorable(insights);
  requireSuccess(insights);
  return insights;
}
