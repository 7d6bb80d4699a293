import type { WantedErrors, WorkDurations, WorkErrors, WorkWindow } from '@agent-hive/audit';
import { currentTenantId, idFloor, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';

/** An attempt that took longer is left out: ids, by which attempts are found, tell when it began. */
const LONGEST_MS = 7 * 86_400_000;

/** How many attempts durations are of, the newest ones. */
const ATTEMPTS_MAX = 20_000;

const KIND = 'task of type ';

const ERRORS_MAX = 100;
const EXAMPLES = 5;
const ERROR_LENGTH = 300;

const begun = ({ from, to }: WorkWindow): RawBuilder<unknown> =>
  sql`a.tenant_id = ${currentTenantId()} and a.id >= ${idFloor(new Date(from.getTime() - LONGEST_MS))}::uuid and a.id < ${idFloor(to)}::uuid`;

const ended = ({ from, to }: WorkWindow): RawBuilder<unknown> => sql`a.ended_at >= ${from} and a.ended_at < ${to}`;

/** Errors that attempts ended with in a window, the most frequent first, or the one that is wanted. By attempt_pkey. */
export async function selectErrors(db: Sql, window: WorkWindow, { above, error }: WantedErrors): Promise<WorkErrors[]> {
  const name = sql`left(coalesce(nullif(a.error->>'code', ''), a.error->>'message'), ${sql.lit(ERROR_LENGTH)})`;
  const wanted = error === undefined ? sql`coalesce(nullif(a.error->>'code', ''), nullif(a.error->>'message', '')) is not null` : sql`${name} = ${error}`;
  const found = await sql<WorkErrors>`
    select ${name} as error, count(*)::int as count, 'task' as "subjectType",
           to_jsonb((array_agg(a.task_id order by a.ended_at desc))[1:${sql.lit(EXAMPLES)}]) as "subjectIds"
      from tasks.attempt a
     where ${begun(window)} and ${ended(window)} and a.outcome = 'failed' and ${wanted}
     group by 1 having count(*) > ${above} order by 2 desc, 1 limit ${ERRORS_MAX}`.execute(db);
  return found.rows;
}

/**
 * How long attempts took that were completed in a window, by the type of their task: of the newest that had begun by its end, so
 * that a busy tenant costs no more than that. By attempt_pkey; the tasks by task_pkey.
 */
export async function selectDurations(db: Sql, window: WorkWindow, kind?: string): Promise<WorkDurations[]> {
  const ofKind = kind === undefined ? sql`true` : sql`${sql.lit(KIND)} || t.type = ${kind}`;
  const found = await sql<WorkDurations>`
    with newest as materialized (
      select a.task_id, a.claimed_at, a.ended_at, a.outcome from tasks.attempt a where ${begun(window)} order by a.id desc limit ${ATTEMPTS_MAX}
    ), tried as materialized (
      select a.task_id, greatest(extract(epoch from a.ended_at - a.claimed_at)::float8 * 1000, 0) as ms from newest a where ${ended(window)} and a.outcome = 'completed'
    )
    select ${sql.lit(KIND)} || t.type as kind, count(*)::int as count, avg(n.ms) as "meanMs"
      from tried n cross join lateral (select t.type from tasks.task t where t.tenant_id = ${currentTenantId()} and t.id = n.task_id limit 1) t
     where ${ofKind} group by t.type order by t.type`.execute(db);
  return found.rows;
}
