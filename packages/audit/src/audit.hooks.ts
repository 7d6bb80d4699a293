import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Hook } from '@agent-hive/kernel';

/** Which sequences of those asked for have a proof that they may be gone. */
export interface AccountedFor {
  /** Entries that retention has taken out. */
  archived: readonly number[];
  /** Entries whose payload was erased. */
  erased: readonly number[];
}

/** Where domains downstream tell the record what it cannot know itself. */
@Injectable()
export class AuditHooks {
  /** Whether an agent exists in the running tenant. */
  readonly agentExists = new Hook<[em: EntityManager, agentId: string], boolean>('audit.agentExists');
  /** Actions that a domain records itself, beside `<table>.created`, `.updated` and `.deleted` of the unit of work: nobody may report one. */
  readonly actions = new Hook<[], readonly string[]>('audit.actions');
  /** Which of these sequences of the running tenant, whose entry or payload is not there, have a row that proves that it was to go. */
  readonly accountedFor = new Hook<[sequences: readonly number[]], AccountedFor>('audit.accountedFor');
}
