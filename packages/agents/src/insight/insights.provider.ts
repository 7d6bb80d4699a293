import type { AgentDto } from '../agent/agent.dto.js';

/** A stretch of time that an agent spent in one status. */
export interface StatusSpan {
  status: string;
  reason: string | null;
  from: Date;
  to: Date;
}

/** What the hive has recorded of an agent over the window: the only ground that insights stand on. */
export interface AgentSignals {
  windowSeconds: number;
  until: Date;
  /** Covers the window from the first status known in it; no gap, no overlap. */
  spans: StatusSpan[];
  heartbeatCount: number;
  lastHeartbeatAt: Date | null;
  /** Null while nobody reports work of this agent. */
  workload: {
    openCount: number;
    succeededCount: number;
    failedCount: number;
    meanDurationMs: number | null;
    p95DurationMs: number | null;
    windowSeconds: number;
  } | null;
}

/** What a provider is asked about. */
export interface InsightsRequest {
  modelType: 'Agent';
  /** Every field of the agent as the API shows it. */
  modelData: AgentDto;
  signals: AgentSignals;
  includePredictions: boolean;
}

/** What a provider found. Anything else it says is kept as it is. */
export interface Insights {
  /** 0 to 100. */
  efficiency_score?: number;
  performance_metrics?: { overall_score?: number; [metric: string]: unknown };
  learning_data?: Record<string, unknown>;
  optimizations?: string[];
  [finding: string]: unknown;
}

/** Analyses one agent. A provider may throw: the service turns that into `{error}`. */
export abstract class InsightsProvider {
  abstract readonly name: string;
  abstract analyze(request: InsightsRequest): Promise<Insights>;
}
