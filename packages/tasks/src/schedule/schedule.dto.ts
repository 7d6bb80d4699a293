import { ApiPropertyOptional, IntersectionType, PickType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsObject, IsOptional, IsString, IsUUID, Length, Max, MaxLength, Min, ValidateIf, ValidateNested } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, IsLine, IsMoment, MaxJsonBytes, oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import { TaskTemplateDto } from '../process/definition.dto.js';
import { CreateTaskDto } from '../task/task.dto.js';
import { CATCH_UP_POLICIES, type CatchUpPolicy, type Schedule } from './schedule.entity.js';

/** The template of a task that a schedule creates again and again. */
export class ScheduledTaskDto extends IntersectionType(TaskTemplateDto, PickType(CreateTaskDto, ['assigneeId', 'projectId', 'concurrencyKey', 'taskMetadata'] as const)) {}

/** What is started when: a process with parameters, or a task. */
export class CreateScheduleDto {
  /** One line of 1 to 200 characters, unique within the tenant. */
  @IsLine()
  @MaxLength(200)
  name: string;

  /** Cron expression of 5 fields (minute, hour, day, month, weekday), or 6 with seconds first. */
  @IsString()
  @Length(1, 200)
  cron: string;

  /** IANA name of the zone whose clocks the expression means; `UTC` by default. */
  @ValidateIf(given)
  @IsString()
  @Length(1, 100)
  timeZone?: string;

  /** What happens to times that passed while nobody was there: `skip` them (the default), start `one` for all, or `all`, one for each. Less than 60 s past is not missed. */
  @ValidateIf(given)
  @IsIn(CATCH_UP_POLICIES, oneOfMessage)
  catchUp?: CatchUpPolicy;

  /** The process to run, at its latest version of that time; it must have the trigger `schedule`. */
  @IsOptional()
  @IsUUID()
  processId?: string | null;

  /** What the process is run with; at most 64 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(65_536)
  parameters?: Record<string, unknown>;

  /** The task to create, in place of a process. */
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => ScheduledTaskDto)
  task?: ScheduledTaskDto | null;

  /** Whether it fires; true by default. */
  @ValidateIf(given)
  @IsBoolean()
  isEnabled?: boolean;
}

/** Changes of a schedule; absent fields stay. Which process it starts is fixed; parameters and task are replaced as a whole. */
export class UpdateScheduleDto {
  @ValidateIf(given)
  @IsLine()
  @MaxLength(200)
  name?: string;

  @ValidateIf(given)
  @IsString()
  @Length(1, 200)
  cron?: string;

  @ValidateIf(given)
  @IsString()
  @Length(1, 100)
  timeZone?: string;

  @ValidateIf(given)
  @IsIn(CATCH_UP_POLICIES, oneOfMessage)
  catchUp?: CatchUpPolicy;

  /** Of a schedule that starts a process. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(65_536)
  parameters?: Record<string, unknown>;

  /** Of a schedule that creates a task. */
  @ValidateIf(given)
  @IsObject()
  @ValidateNested()
  @Type(() => ScheduledTaskDto)
  task?: ScheduledTaskDto;

  /** False stops it; enabled again, it goes on with the first time to come. */
  @ValidateIf(given)
  @IsBoolean()
  isEnabled?: boolean;
}

/** Which schedules to list, newest first. */
export class ScheduleQuery extends PageQuery {
  /** Those that start a process. */
  @IsOptional()
  @IsUUID()
  processId?: string;
}

/** Which times of a schedule to list. */
export class OccurrenceQuery {
  /** How many, 1 to 100. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  limit: number = 10;

  /** Those after this moment, with its time zone; now by default. */
  @IsOptional()
  @ApiPropertyOptional({ format: 'date-time' })
  @IsMoment()
  after?: string;
}

/** A time at which a schedule fires. */
export class OccurrenceDto {
  at: string;
}

/** Times of a schedule in their order; whether it is enabled does not matter. */
export class OccurrencesDto {
  items: OccurrenceDto[];
}

/** Starts a process or creates a task, again and again. */
export class ScheduleDto {
  id: string;
  name: string;
  cron: string;
  timeZone: string;
  catchUp: CatchUpPolicy;
  isEnabled: boolean;
  processId: string | null;
  parameters: Record<string, unknown>;
  task: ScheduledTaskDto | null;
  /** When it fires next; null while it is disabled. */
  nextRunAt: string | null;
  /** The last of its times that was fired. */
  lastRunAt: string | null;
  /** Why the last time that came was not fired; null when it was. */
  lastError: string | null;
  /** Grows with every change, not when it fires; it is the ETag. */
  version: number;
  createdAt: string;
  updatedAt: string;

  static of(schedule: Schedule): ScheduleDto {
    return {
      id: schedule.id,
      name: schedule.name,
      cron: schedule.cron,
      timeZone: schedule.timeZone,
      catchUp: schedule.catchUp,
      isEnabled: schedule.isEnabled,
      processId: schedule.process?.unwrap().id ?? null,
      parameters: schedule.parameters,
      task: schedule.task ?? null,
      nextRunAt: iso(schedule.nextRunAt ?? null),
      lastRunAt: iso(schedule.lastRunAt ?? null),
      lastError: schedule.lastError ?? null,
      version: schedule.version,
      createdAt: schedule.createdAt.toISOString(),
      updatedAt: schedule.updatedAt.toISOString(),
    };
  }
}

/** A page of schedules, newest first. */
export class SchedulePage {
  items: ScheduleDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching schedules, when asked for. */
  total?: number;
}
