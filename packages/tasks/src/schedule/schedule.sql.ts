import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { Turn } from './occurrences.js';
import type { ScheduledTaskDto } from './schedule.dto.js';
import type { CatchUpPolicy } from './schedule.entity.js';

/** A schedule whose time has come, as SQL returns it. */
export interface DueRow {
  id: string;
  cron: string;
  time_zone: string;
  catch_up: CatchUpPolicy;
  process_id: string | null;
  parameters: Record<string, unknown>;
  task: ScheduledTaskDto | null;
  next_run_at: Date;
}

/** Holds the schedule that is due the longest, but none of `except` and none that another server is firing. Served by schedule_due_index. */
export async function lockDue(db: Sql, now: Date, except: readonly string[]): Promise<DueRow | undefined> {
  const found = await sql<DueRow>`
    select s.id, s.cron, s.time_zone, s.catch_up, s.process_id, s.parameters, s.task, s.next_run_at from tasks.schedule s
     where s.tenant_id = ${currentTenantId()} and s.next_run_at is not null and s.next_run_at <= ${now} and s.id <> all (${except}::uuid[])
     order by s.next_run_at limit 1 for update skip locked`.execute(db);
  const row = found.rows[0];
  return row && { ...row, next_run_at: new Date(row.next_run_at) };
}

/** How a time of a schedule was dealt with. */
export interface Dealt extends Turn {
  action: 'schedule.fired' | 'schedule.skipped' | 'schedule.failed';
  /** Null, and the last error stays. */
  error: string | null;
  details: Record<string, unknown>;
}

/**
 * Moves a schedule to its next time, with the entry; not if somebody else moved it meanwhile, or changed it. The version stays:
 * it is of what people say of the schedule, and they could never change one that fires each second. By primary key.
 */
export async function moveSchedule(db: Sql, { id, next_run_at: dueAt }: Pick<DueRow, 'id' | 'next_run_at'>, { action, fireAt, nextRunAt, error, details }: Dealt): Promise<void> {
  const fired = action === 'schedule.fired';
  const entry = { action, subjectType: 'schedule', subjectId: id, previousState: { nextRunAt: dueAt }, newState: { nextRunAt, ...(fired && { lastRunAt: fireAt }) }, details };
  await sql`
    with moved as (
      update tasks.schedule s
         set next_run_at = ${nextRunAt}::timestamptz, last_run_at = case when ${fired} then ${fireAt}::timestamptz else s.last_run_at end,
             last_error = case when ${fired} then null else coalesce(${error}::text, s.last_error) end
       where s.tenant_id = ${currentTenantId()} and s.id = ${id} and s.next_run_at = ${dueAt}
      returning s.id
    )
    ${insertEntry(entry, 'moved')}`.execute(db);
}
