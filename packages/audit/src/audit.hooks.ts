import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Hook } from '@agent-hive/kernel';

/** Where domains downstream tell the record what it cannot know itself. */
@Injectable()
export class AuditHooks {
  /** Whether an agent exists in the running tenant. */
  readonly agentExists = new Hook<[em: EntityManager, agentId: string], boolean>('audit.agentExists');
  /** Actions that a domain records itself, beside `<table>.created`, `.updated` and `.deleted` of the unit of work: nobody may report one. */
  readonly actions = new Hook<[], readonly string[]>('audit.actions');
}
