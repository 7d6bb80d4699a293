import { MIN_SAMPLES, type Grouping } from './duration.entity.js';

/** Row of tasks.duration as SQL returns it. */
export interface DurationRow {
  grouping: Grouping;
  member: string;
  samples: number;
  failures: number;
  p50_ms: number | null;
  p90_ms: number | null;
  p99_ms: number | null;
  complexity_score: number | null;
}

/** What is known of attempts of one kind over the last 30 days. */
export class FiguresDto {
  /** Milliseconds that half of the completed attempts took at most; null while there are too few. */
  p50Ms: number | null;
  p90Ms: number | null;
  p99Ms: number | null;
  /** Completed attempts that the durations rest on. */
  samples: number;
  /** Attempts beside those that failed, lost their lease, or ran into the deadline. */
  failures: number;

  static of(row: DurationRow): FiguresDto {
    return { p50Ms: row.p50_ms, p90Ms: row.p90_ms, p99Ms: row.p99_ms, samples: row.samples, failures: row.failures };
  }
}

/** The same of tasks that require a capability. */
export class CapabilityFiguresDto extends FiguresDto {
  name: string;
}

/** What history says about a task. */
export class HistoryDto {
  /** 0 to 10, from durations and failures of its type; null while there are too few. */
  complexityScore: number | null;
  /** Tasks of its type; null when there were none. */
  type: FiguresDto | null;
  /** Those of its type that its assignee tried; null when there were none, or is no assignee. */
  agent: FiguresDto | null;
  /** Those of its type with one of its required capabilities, in their order; one that nobody has tried yet is left out. */
  capabilities: CapabilityFiguresDto[];
  /** Fewer samples than this give no durations and no score. */
  minimumSamples: number;

  static of(rows: readonly DurationRow[], task: { assigneeId: string | null; requiredCapabilities: readonly string[] }): HistoryDto {
    const find = (grouping: Grouping, member: string) => rows.find((row) => row.grouping === grouping && row.member === member);
    const type = find('type', '');
    const agent = task.assigneeId === null ? undefined : find('agent', task.assigneeId);
    return {
      complexityScore: type?.complexity_score ?? null,
      type: type ? FiguresDto.of(type) : null,
      agent: agent ? FiguresDto.of(agent) : null,
      capabilities: task.requiredCapabilities.flatMap((name) => {
        const row = find('capability', name);
        return row ? [{ name, ...FiguresDto.of(row) }] : [];
      }),
      minimumSamples: MIN_SAMPLES,
    };
  }
}

/** How long a task may take and how hard it is, and what that rests on. */
export class EstimateDto extends HistoryDto {
  taskId: string;
}

/** What an estimator said about a task. */
export class EstimatorFindingsDto {
  provider: string;
  /** 0 to 10; absent when it did not say. */
  complexityScore?: number;
  /** Milliseconds; absent when it did not say. */
  durationMs?: number;
  reason?: string;
  /** Why it said nothing: then it counts as if none were configured. */
  error?: string;
}
