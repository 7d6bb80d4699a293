import { IsOptional, IsString, MaxLength, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, IsLine, PageQuery } from '@agent-hive/kernel/http';
import type { Definition } from './definition.js';
import { DefinitionDto, ProcessRequirementsDto, StepDto, SuccessCriteriaDto } from './definition.dto.js';
import type { Trigger } from './process-run.entity.js';

/** A process with its first version. */
export class CreateProcessDto extends DefinitionDto {
  /** One line of 1 to 200 characters, unique within the tenant. */
  @IsLine()
  @MaxLength(200)
  name: string;

  @IsOptional()
  @IsString()
  @MaxLength(5000)
  description?: string | null;
}

/** Changes of what is said of a process; absent fields stay. What it does is changed by a new version. */
export class UpdateProcessDto {
  @ValidateIf(given)
  @IsLine()
  @MaxLength(200)
  name?: string;

  @IsOptional()
  @IsString()
  @MaxLength(5000)
  description?: string | null;
}

/** Which processes to list, newest first. */
export class ProcessQuery extends PageQuery {
  /** The exact name. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  name?: string;
}

/** A process with the size of its latest version, as SQL returns it. */
export interface ProcessRow {
  id: string;
  name: string;
  description: string | null;
  created_at: Date;
  updated_at: Date;
  revision: number;
  number: number;
  step_count: number;
  triggers: Trigger[];
}

/** A process with its latest version, as SQL returns it. */
export interface DefinedProcessRow extends Omit<ProcessRow, 'step_count'> {
  steps: Definition['steps'];
  parameters: Definition['parameters'];
  requirements: Definition['requirements'];
  success_criteria: Definition['successCriteria'];
}

/** A process in a list, without what its latest version says. */
export class ProcessSummaryDto {
  id: string;
  name: string;
  description: string | null;
  /** Number of the latest version: 1, 2, 3 ... */
  version: number;
  stepCount: number;
  /** What may start a run of the latest version. */
  triggers: Trigger[];
  createdAt: string;
  updatedAt: string;
  /** Grows with every change and version; it is the ETag. */
  revision: number;

  static of(row: ProcessRow): ProcessSummaryDto {
    return {
      id: row.id,
      name: row.name,
      description: row.description,
      version: row.number,
      stepCount: row.step_count,
      triggers: row.triggers,
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
      revision: row.revision,
    };
  }
}

/** A kind of work that is done again and again, with what its latest version says. */
export class ProcessDto {
  id: string;
  name: string;
  description: string | null;
  /** Number of the latest version: 1, 2, 3 ... */
  version: number;
  steps: StepDto[];
  /** JSON Schema of a run's parameters. */
  parameters: Record<string, unknown>;
  requirements: ProcessRequirementsDto;
  successCriteria: SuccessCriteriaDto;
  /** What may start a run. */
  triggers: Trigger[];
  createdAt: string;
  updatedAt: string;
  /** Grows with every change and version; it is the ETag. */
  revision: number;

  static of(row: DefinedProcessRow): ProcessDto {
    return {
      id: row.id,
      name: row.name,
      description: row.description,
      version: row.number,
      steps: row.steps,
      parameters: row.parameters,
      requirements: row.requirements,
      successCriteria: row.success_criteria,
      triggers: row.triggers,
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
      revision: row.revision,
    };
  }
}

/** A page of processes, newest first. */
export class ProcessPage {
  items: ProcessSummaryDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching processes, when asked for. */
  total?: number;
}
