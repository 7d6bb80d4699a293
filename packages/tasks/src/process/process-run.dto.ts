import { IsInt, IsObject, IsOptional, IsUUID, Max, MaxLength, Min, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, IsLine, MaxJsonBytes, PageQuery } from '@agent-hive/kernel/http';
import type { TaskStatus } from '../task/lifecycle.js';
import type { RunState, Trigger } from './process-run.entity.js';

/** What a process is run with. */
export class CreateProcessRunDto {
  /** By the schema of the version, whose defaults fill in what is absent; at most 64 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(65_536)
  parameters?: Record<string, unknown>;

  /** Number of the version; the latest by default. */
  @ValidateIf(given)
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  version?: number;

  /** Title of the root task; the name of the process by default. */
  @ValidateIf(given)
  @IsLine()
  @MaxLength(200)
  title?: string;

  /** The project that its tasks belong to; by default the one that the process requires, if any; null for none. */
  @IsOptional()
  @IsUUID()
  projectId?: string | null;
}

/** Which runs to list, newest first. */
export class ProcessRunQuery extends PageQuery {}

/** Row of tasks.process_run with the outcome of its root task, as SQL returns it. */
export interface RunRow {
  id: string;
  process_id: string;
  process_version: number;
  state: RunState;
  title: string;
  progress: number;
  parameters: Record<string, unknown>;
  trigger: Trigger;
  schedule_id: string | null;
  event_trigger_id: string | null;
  root_task_id: string;
  created_at: Date;
  ended_at: Date | null;
}

/** The task of one step, as SQL returns it. */
export interface RunTaskRow {
  step: string;
  id: string;
  title: string;
  status: TaskStatus;
  status_reason: string | null;
  progress: number;
  assignee_id: string | null;
}

/** A run in a list, without its tasks. */
export class ProcessRunSummaryDto {
  id: string;
  processId: string;
  processVersion: number;
  /** Follows from the root task: `running` until it ends. */
  state: RunState;
  title: string;
  /** Percent of the steps that have ended. */
  progress: number;
  /** What it was started with, and the schema's defaults. */
  parameters: Record<string, unknown>;
  trigger: Trigger;
  /** The schedule that started it. */
  scheduleId: string | null;
  /** The event trigger that started it. */
  eventTriggerId: string | null;
  /** Parent of the tasks of all steps; cancelled as a tree, it cancels the run. */
  rootTaskId: string;
  createdAt: string;
  /** When it ended, whatever the outcome. */
  endedAt: string | null;

  static of(row: RunRow): ProcessRunSummaryDto {
    return {
      id: row.id,
      processId: row.process_id,
      processVersion: row.process_version,
      state: row.state,
      title: row.title,
      progress: row.progress,
      parameters: row.parameters,
      trigger: row.trigger,
      scheduleId: row.schedule_id,
      eventTriggerId: row.event_trigger_id,
      rootTaskId: row.root_task_id,
      createdAt: iso(row.created_at),
      endedAt: iso(row.ended_at),
    };
  }
}

/** The task that was made of a step. */
export class RunTaskDto {
  /** Key of the step. */
  step: string;
  taskId: string;
  title: string;
  status: TaskStatus;
  statusReason: string | null;
  progress: number;
  assigneeId: string | null;

  static of(row: RunTaskRow): RunTaskDto {
    return { step: row.step, taskId: row.id, title: row.title, status: row.status, statusReason: row.status_reason, progress: row.progress, assigneeId: row.assignee_id };
  }
}

/** One run of a process. */
export class ProcessRunDto extends ProcessRunSummaryDto {
  /** The task of each step, in the order of the definition. */
  tasks: RunTaskDto[];

  static withTasks(row: RunRow, tasks: readonly RunTaskRow[]): ProcessRunDto {
    return { ...ProcessRunSummaryDto.of(row), tasks: tasks.map((task) => RunTaskDto.of(task)) };
  }
}

/** A page of runs, newest first. */
export class ProcessRunPage {
  items: ProcessRunSummaryDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all runs, when asked for. */
  total?: number;
}
