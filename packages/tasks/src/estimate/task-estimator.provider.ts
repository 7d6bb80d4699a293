import type { Risk } from '@agent-hive/audit';
import type { HistoryDto } from './estimate.dto.js';

/** What an estimator is told of a task. Not its input, which may be large and hold what is nobody else's business. */
export interface EstimatorRequest {
  task: {
    id: string;
    title: string;
    description: string | Record<string, unknown> | null;
    type: string;
    actionClass: string | null;
    risk: Risk | null;
    priority: number;
    requiredCapabilities: readonly string[];
    attempt: number;
    maxAttempts: number;
  };
  /** What the hive has recorded of tasks like it. */
  history: HistoryDto;
}

/** What an estimator says; absent where it has nothing to say. */
export interface EstimatorAnswer {
  /** 0 to 10. */
  complexityScore?: number;
  /** Milliseconds, within 32 bits. */
  durationMs?: number;
  reason?: string;
}

/** Estimates one task beyond what history says. It may throw, and take seconds: the service calls it outside any transaction, and goes on without it. */
export abstract class TaskEstimator {
  abstract readonly name: string;
  abstract estimate(request: EstimatorRequest): Promise<EstimatorAnswer>;
}
