import type { RetentionClass } from './retention-class.js';

/** Whom rows can be about, and hence what can be held or erased. */
export const SUBJECT_TYPES = ['agent', 'user', 'session', 'tenant'] as const;
export type SubjectType = (typeof SUBJECT_TYPES)[number];

/** How a row refers to a subject: by columns of its own (uuid or text), or through a row of another table. */
export interface SubjectMatch {
  columns?: readonly string[];
  /** Columns that may hold the subject's name, and nothing else that names it. */
  named?: readonly string[];
  /** `t.<column>` is the id of a row of `table`, which has the subject in one of `columns`. */
  via?: { column: string; table: string; columns: readonly string[] };
}

/** What an erasure does to the rows of a subject. */
export type Erasure =
  | { how: 'delete' }
  /** Columns with the SQL expressions that they become, constants or of `t`; rows in which all of them are so already are not touched. */
  | { how: 'blank'; set: Readonly<Record<string, string>> }
  /** Of the columns of `named`, those that hold the subject's name become `erased`; the row stays. */
  | { how: 'unname' }
  | { how: 'keep'; why: string };

/**
 * A table, or what is said of a subject in one part of its columns, as retention, legal holds and erasure see it. Its domain registers it by AuditHooks.stores; all SQL is built from this. To be
 * in a retention class, its key is `(tenant_id, id)` with a UUIDv7 that tells the row's age, and no foreign key points to it.
 */
export interface Store {
  /** `schema.table`. */
  table: string;
  /** Absent for what only an erasure ends. */
  retention?: RetentionClass;
  /** By months, which are dropped when they are empty. */
  isPartitioned?: boolean;
  /** SQL condition over `t` that a row meets which may go. */
  finished?: string;
  subjects: Partial<Record<Exclude<SubjectType, 'tenant'>, SubjectMatch>>;
  /** What becomes of the rows of an agent or a user who is erased; only where `subjects` knows the type. */
  erasure?: Partial<Record<'agent' | 'user', Erasure>>;
}

/** A store that retention goes through. */
export type RetainedStore = Store & { retention: RetentionClass };

/** Whether retention goes through the store. */
export const isRetained = (store: Store): store is RetainedStore => store.retention !== undefined;
