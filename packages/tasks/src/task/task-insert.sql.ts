import { FACTS_RECORD, insertEntryPerRow } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { entryOf, type DraftTask } from './new-task.js';

/** What the database adds to a draft. */
export interface InsertedRow {
  id: string;
  predicted_duration: number | null;
  ai_complexity_score: number | null;
}

/** Columns that a draft brings, and their types in a json_to_recordset(). */
const COLUMNS: Readonly<Partial<Record<keyof DraftTask, string>>> = {
  id: 'uuid', title: 'text', description: 'jsonb', type: 'text', action_class: 'text', risk: 'text', status: 'text', status_reason: 'text', input: 'jsonb',
  task_metadata: 'jsonb', priority: 'smallint', queue: 'text', required_capabilities: 'jsonb', lane: 'uuid', held_by: 'text', assignee_id: 'uuid', reserved_for: 'uuid',
  parent_id: 'uuid', project_id: 'uuid', process_run_id: 'uuid', concurrency_key: 'text', external_id: 'text', run_at: 'timestamptz', deadline_at: 'timestamptz',
  attempt: 'int', max_attempts: 'int', redrive_count: 'int', backoff_kind: 'text', backoff_seconds: 'int', backoff_max_seconds: 'int', fencing_token: 'bigint',
  progress: 'smallint', child_policy: 'text', child_count: 'int', open_child_count: 'int', failed_child_count: 'int', on_dependency_failure: 'text',
  open_start_count: 'int', open_finish_count: 'int', is_linked: 'boolean', is_start_linked: 'boolean', created_at: 'timestamptz', updated_at: 'timestamptz',
};

const names = Object.keys(COLUMNS);
const FIELDS = sql.join(names.map((name) => sql.ref(name)));
const DRAFTED = sql.join(names.map((name) => sql.ref(`d.${name}`)));
const RECORD = sql.join(Object.entries(COLUMNS).map(([name, type]) => sql`${sql.ref(name)} ${sql.raw(type)}`));

/**
 * Writes tasks with their entries in one statement, whatever their number. A task whose external id is taken is left out
 * of the answer: the conflict is awaited by the unique index, so of two writers exactly one gets a row. What is known of
 * the durations of a task's type is found by duration_pkey.
 */
export async function insertTasks(db: Sql, drafts: readonly DraftTask[], now: Date): Promise<InsertedRow[]> {
  const tenantId = currentTenantId();
  const rows = JSON.stringify(drafts.map((draft) => ({ ...draft, entry: entryOf(draft) })));
  const entry = insertEntryPerRow(
    { subjectType: 'task', action: sql`'task.created'`, id: sql`d.entry_id`, subjectId: sql`d.id::text`, agentId: sql`d.assignee_id`, risk: sql`d.risk`, newState: sql`d.entry`, occurredAt: now, facts: 'd' },
    sql`made join draft d on d.id = made.id`,
  );
  const made = await sql<InsertedRow>`
    with draft as materialized (
      select * from json_to_recordset(${rows}::json) as r(${RECORD}, entry_id uuid, entry jsonb, ${FACTS_RECORD})
    ), made as (
      insert into tasks.task (tenant_id, ${FIELDS}, predicted_duration, ai_complexity_score)
      select ${tenantId}::uuid, ${DRAFTED}, round(k.p50_ms)::int, k.complexity_score
        from draft d left join tasks.duration k on k.tenant_id = ${tenantId} and k.type = d.type and k.grouping = 'type' and k.member = ''
      on conflict (tenant_id, external_id) where external_id is not null do nothing
      returning id, predicted_duration, ai_complexity_score
    ), entry as (${entry})
    select * from made`.execute(db);
  return made.rows;
}
