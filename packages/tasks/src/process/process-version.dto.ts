import { Type } from 'class-transformer';
import { IsInt, IsUUID, Max, Min } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { PageQuery } from '@agent-hive/kernel/http';
import type { Definition } from './definition.js';
import { DefinitionDto, ProcessRequirementsDto, StepDto, SuccessCriteriaDto } from './definition.dto.js';
import type { Trigger } from './process-run.entity.js';

/** The whole definition of the next version: what it does not say is not taken from the one before. */
export class CreateProcessVersionDto extends DefinitionDto {}

/** Which versions to list, newest first. */
export class ProcessVersionQuery extends PageQuery {}

/** Path of a version. */
export class ProcessVersionParams {
  /** The process. */
  @IsUUID()
  id: string;

  /** 1, 2, 3 ... */
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  number: number;
}

/** Row of tasks.process_version with the size of its definition, as SQL returns it. */
export interface VersionRow {
  process_id: string;
  number: number;
  step_count: number;
  triggers: Trigger[];
  created_at: Date;
}

/** Row of tasks.process_version with what it says, and the name of its process, as SQL returns it. */
export interface DefinedVersionRow extends Omit<VersionRow, 'step_count'> {
  process_name: string;
  steps: Definition['steps'];
  parameters: Definition['parameters'];
  requirements: Definition['requirements'];
  success_criteria: Definition['successCriteria'];
}

/** A version in a list, without what it says. */
export class ProcessVersionSummaryDto {
  processId: string;
  number: number;
  stepCount: number;
  triggers: Trigger[];
  createdAt: string;

  static of(row: VersionRow): ProcessVersionSummaryDto {
    return { processId: row.process_id, number: row.number, stepCount: row.step_count, triggers: row.triggers, createdAt: iso(row.created_at) };
  }
}

/** One version of a process. It never changes. */
export class ProcessVersionDto {
  processId: string;
  number: number;
  steps: StepDto[];
  /** JSON Schema of a run's parameters. */
  parameters: Record<string, unknown>;
  requirements: ProcessRequirementsDto;
  successCriteria: SuccessCriteriaDto;
  /** What may start a run. */
  triggers: Trigger[];
  createdAt: string;

  static of(row: DefinedVersionRow): ProcessVersionDto {
    return {
      processId: row.process_id,
      number: row.number,
      steps: row.steps,
      parameters: row.parameters,
      requirements: row.requirements,
      successCriteria: row.success_criteria,
      triggers: row.triggers,
      createdAt: iso(row.created_at),
    };
  }
}

/** A page of versions, newest first. */
export class ProcessVersionPage {
  items: ProcessVersionSummaryDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all versions, when asked for. */
  total?: number;
}
