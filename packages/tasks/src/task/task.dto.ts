import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsInt, IsObject, IsOptional, IsString, IsUUID, Max, MaxLength, Min, MinLength, ValidateIf, ValidateNested } from 'class-validator';
import { RISKS, type Risk } from '@agent-hive/audit';
import { given, IsLine, IsMoment, IsTextOrObject, IsUniqueList, MaxJsonBytes, oneOfMessage } from '@agent-hive/kernel/http';
import { DependsOnDto } from '../dependency/dependency.dto.js';
import { BACKOFF_KINDS, CHILD_POLICIES, DEPENDENCY_FAILURE_POLICIES, type BackoffKind, type ChildPolicy, type DependencyFailurePolicy } from './lifecycle.js';

/** An absent field stays; null is no value of one that cannot be empty. */

/** Most bytes of an input, a result, or metadata, as JSON. */
export const JSON_MAX_BYTES = 262_144;

/** How long to wait before the next attempt. */
export class BackoffDto {
  /** `fixed` waits the same every time, `exponential` twice as long each time. */
  @IsIn(BACKOFF_KINDS, oneOfMessage)
  kind: BackoffKind;

  /** Pause after the first failure. Of each pause, up to a quarter is taken off by chance, so that failures at once do not come back at once. */
  @IsInt()
  @Min(0)
  @Max(86_400)
  seconds: number;

  /** No pause is longer. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(604_800)
  maxSeconds?: number;
}

/** A task to be. */
export class CreateTaskDto {
  /** One line of 1 to 200 characters. */
  @IsLine()
  @MaxLength(200)
  title: string;

  /** A text or a JSON object, at most 64 KiB. */
  @IsOptional()
  @IsTextOrObject({ mayBeBlank: true })
  @MaxJsonBytes(65_536)
  description?: string | Record<string, unknown> | null;

  /** Kind of work; what is predicted of a task rests on the tasks of its type. `general` by default. */
  @IsOptional()
  @IsLine()
  @MaxLength(100)
  type?: string;

  /** Class of action for which trust is earned. */
  @IsOptional()
  @IsLine()
  @MaxLength(100)
  actionClass?: string | null;

  /** How much could go wrong: agents claim it by their level of trust for it. One of `critical` risk is given to no agent at any level: it waits until it is cancelled, as the work is a person's to do. */
  @IsOptional()
  @IsIn(RISKS, oneOfMessage)
  risk?: Risk | null;

  /** What the worker is given, at most 256 KiB. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(JSON_MAX_BYTES)
  input?: Record<string, unknown>;

  /** 0 to 9; a higher one is claimed before a lower one. 5 by default. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(9)
  priority?: number;

  /** Name of the queue; it need not exist before. `default` by default. */
  @IsOptional()
  @IsLine()
  @MaxLength(100)
  queue?: string;

  /** Only an agent with all of them may claim the task. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(50)
  @IsUniqueList()
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(100, { each: true })
  requiredCapabilities?: string[];

  /** The only agent that may claim the task. */
  @IsOptional()
  @IsUUID()
  assigneeId?: string | null;

  /** The task that this one is a part of. */
  @IsOptional()
  @IsUUID()
  parentId?: string | null;

  /** What it waits for. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(1000)
  @ValidateNested({ each: true })
  @Type(() => DependsOnDto)
  dependsOn?: DependsOnDto[];

  /** What becomes of it when one of those fails: `cancel`, `keep` it blocked, `run` all the same. `cancel` by default. */
  @IsOptional()
  @IsIn(DEPENDENCY_FAILURE_POLICIES, oneOfMessage)
  onDependencyFailure?: DependencyFailurePolicy;

  /** `all` and `any` make it a group: it is never claimed, and completes when all of its children have or one has. `ignore` by default. */
  @IsOptional()
  @IsIn(CHILD_POLICIES, oneOfMessage)
  childPolicy?: ChildPolicy;

  /** Not claimed before this moment, with its time zone, such as `2030-01-31T12:00:00Z`. */
  @IsOptional()
  @IsMoment()
  runAt?: string | null;

  /** Given up at this moment, with its time zone, whatever it is at. */
  @IsOptional()
  @IsMoment()
  deadlineAt?: string | null;

  /** 1 to 100; 3 by default. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  maxAttempts?: number;

  /** Pause between attempts; by default exponential from 5 s up to an hour. */
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => BackoffDto)
  backoff?: BackoffDto;

  @IsOptional()
  @IsUUID()
  projectId?: string | null;

  /** The run of a process that it belongs to. */
  @IsOptional()
  @IsUUID()
  processRunId?: string | null;

  /** Tasks of one key take turns: as many at once as PUT /v1/concurrency-limits/{key} says, one by default. */
  @IsOptional()
  @IsLine()
  @MaxLength(200)
  concurrencyKey?: string | null;

  /** Id that the caller knows it by; unique within the tenant. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  externalId?: string | null;

  /** Anything of the caller's own, at most 64 KiB. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(65_536)
  taskMetadata?: Record<string, unknown>;
}

/** Tasks that are created together or not at all. */
export class CreateTasksDto {
  /** 1 to 1000. `dependsOn` may name another of them by its position. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(1000)
  @ValidateNested({ each: true })
  @Type(() => CreateTaskDto)
  tasks: CreateTaskDto[];
}

/** Changes of a task that has not ended; absent fields stay. */
export class UpdateTaskDto {
  @ValidateIf(given)
  @IsLine()
  @MaxLength(200)
  title?: string;

  @IsOptional()
  @IsTextOrObject({ mayBeBlank: true })
  @MaxJsonBytes(65_536)
  description?: string | Record<string, unknown> | null;

  @ValidateIf(given)
  @IsInt()
  @Min(0)
  @Max(9)
  priority?: number;

  /** Pins the task to an agent, or frees it with null; only while nobody holds it. */
  @IsOptional()
  @IsUUID()
  assigneeId?: string | null;

  @IsOptional()
  @IsMoment()
  deadlineAt?: string | null;

  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(65_536)
  taskMetadata?: Record<string, unknown>;
}

/** Why a task is given up. */
export class CancelTaskDto {
  @IsString()
  @MinLength(1)
  @MaxLength(500)
  reason: string;

  /** Whether its children, and theirs, are cancelled with it. */
  @IsOptional()
  @IsIn([true, false], { message: 'tree must be true or false' })
  tree?: boolean;
}
