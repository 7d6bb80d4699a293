import { FACTS_RECORD, insertEntryPerRow, type EntryFacts } from '@agent-hive/audit';
import { atMost, currentTenantId, isAmong, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { Usage } from '../task/move.sql.js';
import { TASK_COLUMNS } from '../task/task.sql.js';
import type { TaskRow } from '../task/task-view.dto.js';

/** One write of a worker: which task, under which token. `n` tells the writes of a statement apart. */
export interface Write extends EntryFacts, Usage {
  n: number;
  taskId: string;
  fencingToken: number;
  entryId: string;
  /** JSON; absent is none. */
  result?: unknown;
}

/** What a write came upon: the lease is the writer's, it is but others wait for the task, it is not or no more, or it is another agent's. */
export type Verdict = 'held' | 'linked' | 'lease-lost' | 'not-yours';

/** A write with the task that it is about. Without a row there is no such task. */
export type HeldRow = TaskRow & { n: number; verdict: Verdict; lease_seconds: number | null };

const WRITE = sql`n int, "taskId" uuid, "fencingToken" bigint, "entryId" uuid, result jsonb, "costUsd" float8, "inputTokens" bigint, "outputTokens" bigint, ${FACTS_RECORD}`;

/**
 * Tasks of the writes, locked in the order of their ids, so that two statements over the same tasks never wait for each
 * other. A lease that ran out is lost even before the sweep finds it; of two writes about one task, the first ends it. By
 * primary key.
 */
const held = (writes: readonly Write[], now: Date, whole = true): RawBuilder<unknown> => sql`
    item as materialized (
      select i.*, row_number() over (partition by i."taskId" order by i.n) as nth from json_to_recordset(${JSON.stringify(writes)}::json) as i(${WRITE}) ${atMost(writes.length)}
    ), held as materialized (
      select ${TASK_COLUMNS}, t.lease_seconds, i.n,
             case when i."actorType" = 'agent' and t.assignee_id is distinct from i."actorId" then 'not-yours'
                  when t.status not in ('claimed', 'running') or t.fencing_token <> i."fencingToken" or t.lease_expires_at <= ${now} or i.nth > 1 then 'lease-lost'
                  when t.is_linked and not ${whole}::boolean then 'linked' else 'held' end as verdict
        from item i join tasks.task t on t.tenant_id = ${currentTenantId()} and ${isAmong(sql`t.id`, sql`array(select "taskId" from item)`)} and t.id = i."taskId" order by t.id for no key update of t
    )`;

const ITS_ATTEMPT = sql`${isAmong(sql`a.id`, sql`array(select attempt_id from done)`)} and a.id = d.attempt_id`;

/** Locks the tasks of writes, for those that take more than one statement. */
export async function lockHeld(db: Sql, writes: readonly Write[], now: Date): Promise<HeldRow[]> {
  const found = await sql<HeldRow>`with ${held(writes, now)} select * from held`.execute(db);
  return found.rows;
}

/**
 * Completes what is held: task, attempt and entry in one statement, for any number of writes. A task that may not end
 * before others waits for them. What is not held is answered as it is; so is a task that something waits for, unless this
 * is the `whole` completion, which is followed by its settlement in the same transaction.
 */
export async function completeTasks(db: Sql, writes: readonly Write[], now: Date, whole: boolean): Promise<HeldRow[]> {
  const tenantId = currentTenantId();
  const entry = insertEntryPerRow(
    {
      subjectType: 'task', action: sql`'task.' || d.status`, id: sql`i."entryId"`, subjectId: sql`d.id::text`, agentId: sql`d.assignee_id`, risk: sql`d.risk`, occurredAt: now, facts: 'i',
      newState: sql`jsonb_build_object('status', d.status, 'attempt', d.attempt)`,
    },
    sql`done d join item i on i.n = d.n`,
  );
  const answered = await sql<HeldRow>`
    with ${held(writes, now, whole)}, done as (
      update tasks.task t
         set status = case when t.open_finish_count > 0 then 'waiting' else 'completed' end, status_reason = case when t.open_finish_count > 0 then 'dependencies' end,
             result = nullif(i.result, 'null'::jsonb), error = null, progress = 100, lease_expires_at = null, lease_seconds = null,
             completed_at = case when t.open_finish_count > 0 then null else ${now}::timestamptz end, updated_at = ${now}, version = t.version + 1
        from held h join item i on i.n = h.n
       where t.tenant_id = ${tenantId} and ${isAmong(sql`t.id`, sql`array(select id from held)`)} and t.id = h.id and h.verdict = 'held'
      returning ${TASK_COLUMNS}, t.lease_seconds, h.n, 'held' as verdict
    ), ended as (
      update tasks.attempt a set outcome = 'completed', ended_at = ${now}, progress = 100, cost_usd = i."costUsd", input_tokens = i."inputTokens", output_tokens = i."outputTokens"
        from done d join item i on i.n = d.n
       where a.tenant_id = ${tenantId} and ${ITS_ATTEMPT}
    ), entry as (${entry})
    select * from done union all select * from held h where h.n not in (select n from done)`.execute(db);
  return answered.rows;
}

/** A sign of life: how long the lease goes on from now, and how far the work is. */
export interface Beat extends Write {
  leaseSeconds?: number;
  progress?: number;
}

/** Extends leases; the first sign of life makes a task running, which the record says. Neither the version nor anything else moves. */
export async function beat(db: Sql, beats: readonly Beat[], now: Date): Promise<HeldRow[]> {
  const tenantId = currentTenantId();
  const entry = insertEntryPerRow(
    {
      subjectType: 'task', action: sql`'task.started'`, id: sql`i."entryId"`, subjectId: sql`d.id::text`, agentId: sql`d.assignee_id`, risk: sql`d.risk`, occurredAt: now, facts: 'i',
      previousState: sql`jsonb_build_object('status', h.status)`, newState: sql`jsonb_build_object('status', d.status)`,
    },
    sql`done d join item i on i.n = d.n join held h on h.n = d.n and h.status = 'claimed'`,
  );
  const answered = await sql<HeldRow>`
    with ${held(beats, now)}, wish as (
      select * from json_to_recordset(${JSON.stringify(beats.map(({ n, leaseSeconds, progress }) => ({ n, leaseSeconds, progress })))}::json) as w(n int, "leaseSeconds" int, progress smallint) ${atMost(beats.length)}
    ), done as (
      update tasks.task t
         set status = 'running', lease_seconds = coalesce(w."leaseSeconds", t.lease_seconds), progress = coalesce(w.progress, t.progress),
             lease_expires_at = ${now}::timestamptz + coalesce(w."leaseSeconds", t.lease_seconds) * interval '1 second'
        from held h join wish w on w.n = h.n
       where t.tenant_id = ${tenantId} and ${isAmong(sql`t.id`, sql`array(select id from held)`)} and t.id = h.id and h.verdict = 'held'
      returning ${TASK_COLUMNS}, t.lease_seconds, h.n, 'held' as verdict
    ), told as (
      update tasks.attempt a set progress = d.progress from done d join wish w on w.n = d.n where a.tenant_id = ${tenantId} and ${ITS_ATTEMPT} and w.progress is not null
    ), entry as (${entry})
    select * from done union all select * from held h where h.n not in (select n from done)`.execute(db);
  return answered.rows;
}
