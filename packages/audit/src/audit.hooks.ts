import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Hook } from '@agent-hive/kernel';

/** Where domains downstream tell the record what it cannot know itself. */
@Injectable()
export class AuditHooks {
  /** Whether an agent exists in the running tenant. */
  readonly agentExists = new Hook<[em: EntityManager, agentId: string], boolean>('audit.agentExists');
}
