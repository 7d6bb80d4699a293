import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsBoolean, IsInt, IsObject, IsOptional, IsString, IsUUID, Length, Max, MaxLength, Min, ValidateIf, ValidateNested } from 'class-validator';
import { IsPatternList } from '@agent-hive/audit';
import { iso } from '@agent-hive/kernel';
import { given, IsLine, MaxJsonBytes, PageQuery } from '@agent-hive/kernel/http';
import type { EventTrigger } from './event-trigger.entity.js';

/** Which events start a run, beside their action; what is absent does not matter. */
export class EventFilterDto {
  /** Noun of the subject, such as `task`. */
  @ValidateIf(given)
  @IsString()
  @Length(1, 50)
  subjectType?: string;

  @ValidateIf(given)
  @IsString()
  @Length(1, 500)
  subjectId?: string;

  /** The agent that the event is about. */
  @ValidateIf(given)
  @IsUUID()
  agentId?: string;
}

/** Which of the events start a run, and what it is given. */
class EventTriggerFields {
  @ValidateIf(given)
  @IsObject()
  @ValidateNested()
  @Type(() => EventFilterDto)
  filter?: EventFilterDto;

  /** What the process is run with. In its texts `{{event.subject.id}}` stands for what the event has there; at most 64 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(65_536)
  parameters?: Record<string, unknown>;

  /** Runs in a minute beyond which events wait, 1 to 1000; 60 by default. */
  @ValidateIf(given)
  @IsInt()
  @Min(1)
  @Max(1000)
  maxPerMinute?: number;
}

/** Which events start which process. */
export class CreateEventTriggerDto extends EventTriggerFields {
  /** One line of 1 to 200 characters, unique within the tenant. */
  @IsLine()
  @MaxLength(200)
  name: string;

  /** The process to run, at its latest version of that time; it must have the trigger `event`. */
  @IsUUID()
  processId: string;

  /** Actions such as `task.completed`, `task.*`, or `*`: any of them. What triggers record of themselves starts nothing. */
  @IsPatternList()
  @ArrayMaxSize(20)
  @ArrayMinSize(1)
  actions: string[];

  /** Whether it fires; true by default. It fires for events from then on. */
  @ValidateIf(given)
  @IsBoolean()
  isEnabled?: boolean;
}

/** Changes of an event trigger; absent fields stay. The process is fixed; filter and parameters are replaced as a whole. */
export class UpdateEventTriggerDto extends EventTriggerFields {
  @ValidateIf(given)
  @IsLine()
  @MaxLength(200)
  name?: string;

  @ValidateIf(given)
  @IsPatternList()
  @ArrayMaxSize(20)
  @ArrayMinSize(1)
  actions?: string[];

  /** False stops it; enabled again, it goes on with the events to come. */
  @ValidateIf(given)
  @IsBoolean()
  isEnabled?: boolean;
}

/** Which event triggers to list, newest first. */
export class EventTriggerQuery extends PageQuery {
  /** Those of a process. */
  @IsOptional()
  @IsUUID()
  processId?: string;
}

/** Starts runs of a process by events. */
export class EventTriggerDto {
  id: string;
  name: string;
  processId: string;
  actions: string[];
  filter: EventFilterDto;
  parameters: Record<string, unknown>;
  maxPerMinute: number;
  isEnabled: boolean;
  /** Events up to this sequence are dealt with. */
  sequence: number;
  /** When it started a run last. */
  lastFiredAt: string | null;
  /** Why the last event that matched started nothing; null when it did. */
  lastError: string | null;
  /** Grows with every change, not when it fires; it is the ETag. */
  version: number;
  createdAt: string;
  updatedAt: string;

  static of(trigger: EventTrigger): EventTriggerDto {
    return {
      id: trigger.id,
      name: trigger.name,
      processId: trigger.process.unwrap().id,
      actions: trigger.actions,
      filter: trigger.filter,
      parameters: trigger.parameters,
      maxPerMinute: trigger.maxPerMinute,
      isEnabled: trigger.isEnabled,
      sequence: trigger.sequence,
      lastFiredAt: iso(trigger.lastFiredAt ?? null),
      lastError: trigger.lastError ?? null,
      version: trigger.version,
      createdAt: trigger.createdAt.toISOString(),
      updatedAt: trigger.updatedAt.toISOString(),
    };
  }
}

/** A page of event triggers, newest first. */
export class EventTriggerPage {
  items: EventTriggerDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching triggers, when asked for. */
  total?: number;
}
