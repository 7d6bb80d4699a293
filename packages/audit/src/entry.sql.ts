import { currentTenantId, newId, requireContext, type Actor } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { Risk } from './entry.entity.js';

/** What happened. Who did it, when, and from where is taken from the running context. */
export interface EntryInput {
  /** `<noun>.<past tense>`, such as `agent.created`. */
  action: string;
  subjectType: string;
  subjectId: string;
  agentId?: string | null;
  sessionId?: string | null;
  risk?: Risk | null;
  previousState?: Record<string, unknown> | null;
  newState?: Record<string, unknown> | null;
  details?: Record<string, unknown> | null;
}

const COLUMNS = sql`tenant_id, id, occurred_at, actor_type, actor_id, actor_name, action, subject_type, subject_id, agent_id, session_id, risk,
  previous_state, new_state, details, request_id, ip, user_agent`;

const json = (value: Record<string, unknown> | null | undefined): string | null => (value ? JSON.stringify(value) : null);

/** States that the statement itself knows and the caller does not: SQL expressions over the CTE named by `from`. */
export interface ComputedStates {
  previousState?: RawBuilder<unknown>;
  newState?: RawBuilder<unknown>;
  sessionId?: RawBuilder<unknown>;
}

/** The entry's values in the order of COLUMNS. Types are stated, since a parameter in a SELECT list has none. */
function values(entry: EntryInput, computed: ComputedStates = {}): RawBuilder<unknown> {
  const { principal, requestId, ip, userAgent } = requireContext();
  const actor: Actor = principal.actor;
  return sql`${currentTenantId()}::uuid, ${newId()}::uuid, ${new Date()}::timestamptz, ${actor.type}::text, ${actor.id}::uuid, ${actor.name}::text,
    ${entry.action}::text, ${entry.subjectType}::text, ${entry.subjectId}::text, ${entry.agentId ?? null}::uuid, ${computed.sessionId ?? sql`${entry.sessionId ?? null}::uuid`},
    ${entry.risk ?? null}::text, ${computed.previousState ?? sql`${json(entry.previousState)}::jsonb`}, ${computed.newState ?? sql`${json(entry.newState)}::jsonb`},
    ${json(entry.details)}::jsonb, ${requestId}::text, ${ip}::inet, ${userAgent}::text`;
}

/**
 * INSERT of one entry, to stand in a WITH clause beside the change that it records: one statement, so there is never one
 * without the other. With `from`, a CTE of at most one row, there is no entry when it is empty: a compare-and-set that
 * missed records nothing.
 */
export const insertEntry = (entry: EntryInput, from?: string, computed?: ComputedStates): RawBuilder<unknown> =>
  from === undefined
    ? sql`insert into audit.entry (${COLUMNS}) values (${values(entry)})`
    : sql`insert into audit.entry (${COLUMNS}) select ${values(entry, computed)} from ${sql.ref(from)}`;

/** Who did it and from where, as one row of a statement that serves several requests at once. */
export interface EntryFacts {
  actorType: Actor['type'];
  actorId: string | null;
  actorName: string;
  requestId: string | null;
  ip: string | null;
  userAgent: string | null;
}

/** The facts of the running context. */
export function entryFacts(): EntryFacts {
  const { principal, requestId, ip, userAgent } = requireContext();
  return { actorType: principal.actor.type, actorId: principal.actor.id, actorName: principal.actor.name, requestId, ip, userAgent };
}

/** Columns of EntryFacts in a json_to_recordset(). */
export const FACTS_RECORD = sql`"actorType" text, "actorId" uuid, "actorName" text, "requestId" text, ip inet, "userAgent" text`;

/** What an entry takes from each row of `from`: SQL expressions over its columns. */
export interface EntryPerRow {
  subjectType: string;
  action: RawBuilder<unknown>;
  /** UUIDv7 minted by the service. */
  id: RawBuilder<unknown>;
  subjectId: RawBuilder<unknown>;
  occurredAt: Date;
  agentId?: RawBuilder<unknown>;
  sessionId?: RawBuilder<unknown>;
  risk?: RawBuilder<unknown>;
  previousState?: RawBuilder<unknown>;
  newState?: RawBuilder<unknown>;
  details?: RawBuilder<unknown>;
  /** Alias of the columns of FACTS_RECORD; without one, all rows have the facts of the running context. */
  facts?: string;
}

/** INSERT of an entry for each row of `from` (a CTE, or a join of some), to stand in a WITH clause beside the changes that they record. */
export function insertEntryPerRow(entry: EntryPerRow, from: RawBuilder<unknown>): RawBuilder<unknown> {
  const own = entryFacts();
  const fact = (name: keyof EntryFacts, type: string): RawBuilder<unknown> => (entry.facts ? sql.ref(`${entry.facts}.${name}`) : sql`${own[name]}::${sql.raw(type)}`);
  return sql`insert into audit.entry (${COLUMNS})
    select ${currentTenantId()}::uuid, ${entry.id}, ${entry.occurredAt}::timestamptz, ${fact('actorType', 'text')}, ${fact('actorId', 'uuid')}, ${fact('actorName', 'text')},
           ${entry.action}, ${entry.subjectType}::text, ${entry.subjectId}, ${entry.agentId ?? sql`null::uuid`}, ${entry.sessionId ?? sql`null::uuid`}, ${entry.risk ?? sql`null::text`},
           ${entry.previousState ?? sql`null::jsonb`}, ${entry.newState ?? sql`null::jsonb`}, ${entry.details ?? sql`null::jsonb`},
           ${fact('requestId', 'text')}, ${fact('ip', 'inet')}, ${fact('userAgent', 'text')}
      from ${from}`;
}

/** INSERT of several entries in one statement. */
export const insertEntries = (entries: readonly EntryInput[]): RawBuilder<unknown> =>
  sql`insert into audit.entry (${COLUMNS}) values ${sql.join(entries.map((entry) => sql`(${values(entry)})`))}`;
