import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Hook } from '@agent-hive/kernel';
import type { EncryptedColumn } from './encryption/encrypted-column.js';

/** Where domains downstream tell the record what it cannot know itself. */
@Injectable()
export class AuditHooks {
  /** Whether an agent exists in the running tenant. */
  readonly agentExists = new Hook<[em: EntityManager, agentId: string], boolean>('audit.agentExists');
  /** Actions that a domain records itself, beside `<table>.created`, `.updated` and `.deleted` of the unit of work: nobody may report one. */
  readonly actions = new Hook<[], readonly string[]>('audit.actions');
  /** Columns that a domain writes and reads through EncryptionService, so that a rotation of keys finds them. */
  readonly encryptedColumns = new Hook<[], readonly EncryptedColumn[]>('audit.encryptedColumns');
}
