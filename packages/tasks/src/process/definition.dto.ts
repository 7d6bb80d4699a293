import { IntersectionType, PickType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsInt, IsObject, IsOptional, IsString, IsUUID, Matches, Max, MaxLength, Min, MinLength, ValidateIf, ValidateNested } from 'class-validator';
import { given, IsUniqueList, MaxJsonBytes, oneOfMessage } from '@agent-hive/kernel/http';
import { DEPENDENCY_TYPES, type DependencyType } from '../task/lifecycle.js';
import { CreateTaskDto } from '../task/task.dto.js';
import { SUCCESS_POLICIES, type SuccessPolicy } from './definition.js';
import { TRIGGERS, type Trigger } from './process-run.entity.js';

const keyMessage = { message: '$property must be a lower-case token: a letter, then up to 62 letters, digits, _ or -' };

/** A year and a day: what lies further ahead is a mistake. */
const SECONDS_MAX = 31_622_400;

/** A task that is made again and again. */
export class TaskTemplateDto extends PickType(CreateTaskDto, [
  'title', 'description', 'type', 'actionClass', 'risk', 'input', 'priority', 'queue', 'requiredCapabilities', 'maxAttempts', 'backoff',
] as const) {
  /** Given up so long after it was made, whatever it is at. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(SECONDS_MAX)
  deadlineSeconds?: number | null;
}

/** What a step waits for. */
export class StepDependencyDto {
  /** Key of another step. */
  @IsString()
  @Matches(/^[a-z][a-z0-9_-]{0,62}$/, keyMessage)
  step: string;

  /** `finish_to_start` by default. */
  @ValidateIf(given)
  @IsIn(DEPENDENCY_TYPES, oneOfMessage)
  type?: DependencyType;
}

/**
 * The template of one task of every run. In its title, its description and the texts of its input, `{{parameters.name}}` stands
 * for a parameter of the run; a text that is nothing else becomes the parameter itself, of whatever type.
 */
export class StepDto extends IntersectionType(TaskTemplateDto, PickType(CreateTaskDto, ['onDependencyFailure'] as const)) {
  /** What other steps and runs know it by: a lower-case token, unique in the definition. */
  @IsString()
  @Matches(/^[a-z][a-z0-9_-]{0,62}$/, keyMessage)
  key: string;

  /** Steps that it waits for. */
  @ValidateIf(given)
  @IsArray()
  @ArrayMaxSize(500)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => StepDependencyDto)
  dependsOn?: StepDependencyDto[];

  /** Not claimed before so long after the run began. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(SECONDS_MAX)
  runAfterSeconds?: number | null;
}

/** What every task of a run needs. */
export class ProcessRequirementsDto {
  /** Capabilities that each step requires beside its own. */
  @ValidateIf(given)
  @IsArray()
  @ArrayMaxSize(50)
  @IsUniqueList()
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(100, { each: true })
  capabilities?: string[];

  /** The project that runs belong to, unless they name another. */
  @IsOptional()
  @IsUUID()
  projectId?: string | null;
}

/** When a run has succeeded. */
export class SuccessCriteriaDto {
  /** `all` steps must complete, the default, or `any` one of them; the others are cancelled then. */
  @ValidateIf(given)
  @IsIn(SUCCESS_POLICIES, oneOfMessage)
  policy?: SuccessPolicy;
}

/** What one version of a process says. */
export class DefinitionDto {
  /** 1 to 500, in any order. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(500)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => StepDto)
  steps: StepDto[];

  /** JSON Schema of a run's parameters, draft 2020-12 or, by its `$schema`, draft 7; at most 64 KiB. Without one, runs have no parameters. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(65_536)
  parameters?: Record<string, unknown>;

  @ValidateIf(given)
  @IsObject()
  @ValidateNested()
  @Type(() => ProcessRequirementsDto)
  requirements?: ProcessRequirementsDto;

  @ValidateIf(given)
  @IsObject()
  @ValidateNested()
  @Type(() => SuccessCriteriaDto)
  successCriteria?: SuccessCriteriaDto;

  /** What may start a run; all of them by default. */
  @ValidateIf(given)
  @IsArray()
  @ArrayMinSize(1)
  @IsUniqueList()
  @IsIn(TRIGGERS, { each: true, message: 'each of triggers must be one of: $constraint1' })
  triggers?: Trigger[];
}
