import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { EventRow } from './event.dto.js';
import type { Patterns } from './pattern.js';

/** Leaves that one look goes through for those that match: a filter that nothing matches costs so much and no more. */
export const WINDOW = 10_000;

/** The newest sequence; 0 when nothing is sealed. All that is at or before it can be read, since leaves come without a gap. By primary key. */
export async function selectHead(db: Sql): Promise<number> {
  const found = await sql<{ sequence: string | number }>`select sequence from audit.leaf where tenant_id = ${currentTenantId()} order by sequence desc limit 1`.execute(db);
  return Number(found.rows[0]?.sequence ?? 0);
}

/** Whether the action of a leaf `l` is one of those. */
export const isAmong = (patterns: Patterns | undefined): RawBuilder<unknown> =>
  patterns === undefined ? sql`true` : sql`(l.action = any (${patterns.names}::text[]) or exists (select from unnest(${patterns.prefixes}::text[]) as p(prefix) where starts_with(l.action, p.prefix)))`;

/** Columns of an EventRow out of EVENT_ENTRY and a leaf `l`. */
export const EVENT_COLUMNS = sql`l.sequence, l.entry_id as id, l.occurred_at, l.action, l.subject_type, l.subject_id, l.risk, e.id is not null as has_entry,
  e.actor_type, e.actor_id, e.actor_name, e.agent_id, e.session_id, e.previous_state, e.new_state, e.details, e.request_id`;

/** The entry `e` of a leaf `l`, where there still is one: by its key, in the month of its id. */
export const eventEntry = (): RawBuilder<unknown> => sql`left join lateral (select * from audit.entry e where e.tenant_id = ${currentTenantId()} and e.id = l.entry_id) e on true`;

/** Where to look: after a sequence and up to another, at most WINDOW of them, for so many that match. */
export interface Range {
  after: number;
  upTo: number;
  limit: number;
  patterns: Patterns | undefined;
}

const leaves = ({ after, upTo, limit, patterns }: Range): RawBuilder<unknown> =>
  sql`select l.* from audit.leaf l where l.tenant_id = ${currentTenantId()} and l.sequence > ${after} and l.sequence <= ${upTo} and ${isAmong(patterns)} order by l.sequence limit ${limit}`;

/** Events of a range, oldest first. By primary keys. */
export async function selectEvents(db: Sql, range: Range): Promise<EventRow[]> {
  const found = await sql<EventRow>`select ${EVENT_COLUMNS} from (${leaves(range)}) l ${eventEntry()} order by l.sequence`.execute(db);
  return found.rows;
}

/** How many events there are after a sequence that match. */
export async function countEvents(db: Sql, after: number, patterns: Patterns | undefined): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from audit.leaf l where l.tenant_id = ${currentTenantId()} and l.sequence > ${after} and ${isAmong(patterns)}`.execute(db);
  return Number(found.rows[0]!.count);
}
