import { insertEntry } from '@agent-hive/audit';
import { atMost, currentTenantId, idFloor, isUuid, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { EventFilter } from './event-trigger.entity.js';

/** A trigger that is behind the feed, as SQL returns it. */
export interface BehindRow {
  id: string;
  process_id: string;
  actions: string[];
  filter: EventFilter;
  parameters: Record<string, unknown>;
  max_per_minute: number;
  sequence: string | number;
}

/** Holds the enabled trigger that is the furthest behind, but none of `except` and none that another server is firing. Served by event_trigger_sequence_index. */
export async function lockBehind(db: Sql, head: number, except: readonly string[]): Promise<BehindRow | undefined> {
  const found = await sql<BehindRow>`
    select t.id, t.process_id, t.actions, t.filter, t.parameters, t.max_per_minute, t.sequence from tasks.event_trigger t
     where t.tenant_id = ${currentTenantId()} and t.is_enabled and t.sequence < ${head} and t.id <> all (${except}::uuid[])
     order by t.sequence limit 1 for update skip locked`.execute(db);
  return found.rows[0];
}

/** Moves a held trigger past events that start nothing. */
export async function passEvents(db: Sql, id: string, sequence: number): Promise<void> {
  await sql`update tasks.event_trigger set sequence = ${sequence} where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db);
}

/** What came of an event. */
export interface Dealt {
  action: 'event_trigger.fired' | 'event_trigger.failed';
  error: string | null;
  details: Record<string, unknown>;
}

/**
 * Moves a trigger past an event that it was to start a run by, with the entry; not if somebody else moved it meanwhile. The version stays: it
 * is of what people say of the trigger. By primary key.
 */
export async function moveTrigger(db: Sql, { id, from, to, now }: { id: string; from: number; to: number; now: Date }, { action, error, details }: Dealt): Promise<void> {
  const fired = action === 'event_trigger.fired';
  await sql`
    with moved as (
      update tasks.event_trigger t
         set sequence = ${to}, last_error = ${error}::text, last_fired_at = case when ${fired} then ${now}::timestamptz else t.last_fired_at end
       where t.tenant_id = ${currentTenantId()} and t.id = ${id} and t.sequence = ${from}
      returning t.id
    )
    ${insertEntry({ action, subjectType: 'event_trigger', subjectId: id, details }, 'moved')}`.execute(db);
}

/** How many runs a trigger has started within the minute before a moment. Served by process_run_event_trigger_index. */
export async function countRecentRuns(db: Sql, id: string, now: Date): Promise<number> {
  const found = await sql<{ count: number }>`
    select count(*)::int as count from tasks.process_run r where r.tenant_id = ${currentTenantId()} and r.event_trigger_id = ${id} and r.id >= ${idFloor(new Date(now.getTime() - 60_000))}::uuid`.execute(db);
  return found.rows[0]!.count;
}

const ANCESTORS_MAX = 100;

/**
 * The triggers, first to last, that led to what events are about, by the id of that: runs, and tasks of one, themselves or through what
 * they are a part of. What no trigger led to is not there. By primary keys.
 */
export async function selectLineages(db: Sql, subjects: readonly { type: string; id: string }[]): Promise<ReadonlyMap<string, string[]>> {
  const asked = subjects.filter(({ type, id }) => isUuid(id) && (type === 'task' || type === 'process_run'));
  if (asked.length === 0) return new Map();
  const tenantId = currentTenantId();
  const found = await sql<{ id: string; lineage: string[] }>`
    with recursive subject as materialized (
      select distinct s.type, s.id from json_to_recordset(${JSON.stringify(asked)}::json) as s(type text, id uuid) ${atMost(asked.length)}
    ), line as (
      select s.id, t.parent_id, t.process_run_id, 1 as depth from subject s join tasks.task t on t.tenant_id = ${tenantId} and t.id = s.id where s.type = 'task'
      union all
      select l.id, t.parent_id, t.process_run_id, l.depth + 1 from line l join tasks.task t on t.tenant_id = ${tenantId} and t.id = l.parent_id where l.process_run_id is null and l.depth < ${ANCESTORS_MAX}
    ), run as (
      select id, process_run_id as run_id from line where process_run_id is not null
      union all
      select id, id from subject where type = 'process_run'
    )
    select run.id, r.lineage from run join tasks.process_run r on r.tenant_id = ${tenantId} and r.id = run.run_id`.execute(db);
  return new Map(found.rows.map(({ id, lineage }) => [id, lineage]));
}
