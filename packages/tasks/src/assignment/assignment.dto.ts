import { IsInt, IsString, Max, MaxLength, Min, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, PageQuery } from '@agent-hive/kernel/http';
import { EstimatorFindingsDto, HistoryDto } from '../estimate/estimate.dto.js';
import type { TaskStatus } from '../task/lifecycle.js';

/** How to choose who does a task. */
export class CreateAssignmentDto {
  /** How many candidates to look at and record, 1 to 100: those that have all required capabilities come first, then the best of the others. */
  @ValidateIf(given)
  @IsInt()
  @Min(1)
  @Max(100)
  limit: number = 50;

  /** Only agents of this type. */
  @ValidateIf(given)
  @IsString()
  @MaxLength(50)
  agentType?: string;
}

/** Which assignments to list, newest first. */
export class AssignmentQuery extends PageQuery {}

/** An agent that was looked at. */
export class CandidateDto {
  agentId: string;
  /** Its name at that time. */
  name: string;
  /** 0 to 1. */
  score: number;
  /** The parts of the score, as POST /v1/agents/matches gives them; `capabilities.missing` is what kept it from being chosen. */
  reasons: Record<string, unknown>;
  /** Whether its trust allows the task's action class and risk without asking; false kept it from being chosen, since a claim would not get the task. Absent from decisions that are older than this. */
  isTrusted?: boolean;
  /** Milliseconds that half of its attempts at such tasks took at most; null while there are too few. */
  predictedDurationMs: number | null;
  /** Completed attempts of its own that this rests on. */
  samples: number;
}

/** What was expected of the task, and what that rests on. */
export class PredictionDto {
  /** Milliseconds: what the estimator said, else what the chosen agent takes for such tasks, else what any does; null when nothing is known. */
  durationMs: number | null;
  /** 0 to 10: what the estimator said, else what history says; null when nothing is known. */
  complexityScore: number | null;
  /** What was recorded of tasks like it, and of the chosen agent at them. */
  history: HistoryDto;
  /** What an estimator said beside that; null where none is configured. */
  estimator: EstimatorFindingsDto | null;
}

/** Row of tasks.assignment as SQL returns it. */
export interface AssignmentRow {
  id: string;
  task_id: string;
  agent_id: string | null;
  candidates: CandidateDto[];
  reason: string;
  prediction: PredictionDto;
  decided_by: string;
  decided_at: Date;
  outcome: TaskStatus | null;
  outcome_at: Date | null;
}

/** A decision on who does a task. */
export class AssignmentDto {
  id: string;
  taskId: string;
  /** Null when nobody fitted: the task stayed as it was. */
  agentId: string | null;
  /** Those that had all required capabilities, then those that lacked some; the best first of each. */
  candidates: CandidateDto[];
  /** Why this one, or why nobody. */
  reason: string;
  prediction: PredictionDto;
  /** Name of whoever asked for it. */
  decidedBy: string;
  decidedAt: string;
  /** How the task last ended under it; null while it has not, and when it went to another agent. */
  outcome: TaskStatus | null;
  outcomeAt: string | null;

  static of(row: AssignmentRow): AssignmentDto {
    return {
      id: row.id,
      taskId: row.task_id,
      agentId: row.agent_id,
      candidates: row.candidates,
      reason: row.reason,
      prediction: row.prediction,
      decidedBy: row.decided_by,
      decidedAt: iso(row.decided_at),
      outcome: row.outcome,
      outcomeAt: iso(row.outcome_at),
    };
  }
}

/** A page of assignments, newest first. */
export class AssignmentPage {
  items: AssignmentDto[];
  nextCursor: string | null;
  /** Number of all assignments, when asked for. */
  total?: number;
}
