import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Hook } from '@agent-hive/kernel';
import type { RawBuilder } from 'kysely';
import type { EncryptedColumn } from './encryption/encrypted-column.js';
import type { Store, SubjectType } from './retention/store.js';
import type { WantedErrors, WorkDurations, WorkErrors, WorkWindow } from './review/work.js';

/** What is known of a subject that names it: an erasure looks for it in texts. */
export interface SubjectNames {
  /** Such as an email address: they name nobody else, wherever they stand in a text. */
  identifiers: readonly string[];
  /** Such as a telephone number or an external id: they name the subject where they are a whole value, since they may be as short as `1`. */
  values: readonly string[];
  /** Display names, which others may have too. */
  names: readonly string[];
}

/** Which sequences of those asked for have a proof that they may be gone. */
export interface AccountedFor {
  /** Entries that retention has taken out. */
  archived: readonly number[];
  /** Entries whose payload was erased. */
  erased: readonly number[];
}

/** Something that holds of a domain's rows at every commit, though no constraint of the database says so: a plain id, a counter, a copy. */
export interface ConsistencyCheck {
  /** `<domain>.<what>`, such as `tasks.leases`. */
  name: string;
  /** What must hold, in one sentence. */
  description: string;
  /** Noun of what is named when it does not, such as `task`. */
  subjectType: string;
  /**
   * SELECT of a column `id`: subjects of the running tenant of which it does not hold, each once. One statement, so that it sees one
   * moment. What retention or an erasure may have taken away must not be missed.
   */
  violations: () => RawBuilder<{ id: string }>;
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
  /** What must hold of a domain's rows, beside what the database's constraints say. */
  readonly consistencyChecks = new Hook<[], readonly ConsistencyCheck[]>('audit.consistencyChecks');
  /** Columns that a domain writes and reads through EncryptionService, so that a rotation of keys finds them. */
  readonly encryptedColumns = new Hook<[], readonly EncryptedColumn[]>('audit.encryptedColumns');
  /** Tables of a domain, for retention, legal holds and erasure. */
  readonly stores = new Hook<[], readonly Store[]>('audit.stores');
  /** The subject, if it is one of the domain's and the running tenant has it; else null. */
  readonly subjects = new Hook<[type: SubjectType, id: string], SubjectNames | null>('audit.subjects');
  /** Ends what a store cannot say of a subject that is being erased, such as the user itself. Returns rows by table. */
  readonly erased = new Hook<[type: 'user' | 'agent', id: string], readonly { table: string; erased: number; blanked: number }[]>('audit.erased');
  /** Errors that work of the running tenant ended with, by what is the same error. */
  readonly workErrors = new Hook<[window: WorkWindow, wanted: WantedErrors], readonly WorkErrors[]>('audit.workErrors');
  /** How long work of the running tenant took that ended in the window, by its kind; of one kind only, when it is named. */
  readonly workDurations = new Hook<[window: WorkWindow, kind?: string], readonly WorkDurations[]>('audit.workDurations');
}
