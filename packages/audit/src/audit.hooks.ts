import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Hook } from '@agent-hive/kernel';
import type { WorkDurations, WorkErrors, WorkWindow } from './review/work.js';

/** Where domains downstream tell the record what it cannot know itself. */
@Injectable()
export class AuditHooks {
  /** Whether an agent exists in the running tenant. */
  readonly agentExists = new Hook<[em: EntityManager, agentId: string], boolean>('audit.agentExists');
  /** Actions that a domain records itself, beside `<table>.created`, `.updated` and `.deleted` of the unit of work: nobody may report one. */
  readonly actions = new Hook<[], readonly string[]>('audit.actions');
  /** Errors that work of the running tenant ended with, by what is the same error, those that came up more than `above` times. */
  readonly workErrors = new Hook<[em: EntityManager, window: WorkWindow, above: number], readonly WorkErrors[]>('audit.workErrors');
  /** How long work of the running tenant took that ended in the window, by its kind. */
  readonly workDurations = new Hook<[em: EntityManager, window: WorkWindow], readonly WorkDurations[]>('audit.workDurations');
}
