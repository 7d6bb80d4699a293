import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { DefinedProcessRow, ProcessQuery, ProcessRow } from './process.dto.js';
import type { Process } from './process.entity.js';

const COLUMNS = sql`p.id, p.name, p.description, p.created_at, p.updated_at, p.revision, v.number, v.triggers`;

/** Processes with their latest versions, both by primary key. */
const FROM = sql`tasks.process p join tasks.process_version v on v.tenant_id = p.tenant_id and v.process_id = p.id and v.number = p.latest_version`;

/** One process with what its latest version says. */
export async function selectProcess(db: Sql, id: string): Promise<DefinedProcessRow | undefined> {
  const found = await sql<DefinedProcessRow>`
    select ${COLUMNS}, v.steps, v.parameters, v.requirements, v.success_criteria from ${FROM} where p.tenant_id = ${currentTenantId()} and p.id = ${id}`.execute(db);
  return found.rows[0];
}

const conditions = ({ name }: ProcessQuery): RawBuilder<unknown> =>
  name === undefined ? sql`p.tenant_id = ${currentTenantId()}` : sql`p.tenant_id = ${currentTenantId()} and p.name = ${name}`;

/** A page newest first by process_pkey, or the one of a name by process_name_unique, with one row more than the page holds. Definitions stay where they are. */
export async function selectProcesses(db: Sql, query: ProcessQuery, before: string | undefined): Promise<ProcessRow[]> {
  const where = before === undefined ? conditions(query) : sql`${conditions(query)} and p.id < ${before}::uuid`;
  const found = await sql<ProcessRow>`
    select ${COLUMNS}, jsonb_array_length(v.steps) as step_count from ${FROM} where ${where} order by p.id desc limit ${query.limit + 1}`.execute(db);
  return found.rows;
}

/** How many processes match, whatever the page. */
export async function countProcesses(db: Sql, query: ProcessQuery): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from tasks.process p where ${conditions(query)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** What refers to a process beside its versions, by process_run_process_index and schedule_process_index. True while the caller holds the process. */
export async function countReferences(db: Sql, id: string): Promise<{ runs: number; schedules: number }> {
  const tenantId = currentTenantId();
  const found = await sql<{ runs: string; schedules: string }>`
    select (select count(*) from tasks.process_run r where r.tenant_id = ${tenantId} and r.process_id = ${id}) as runs,
           (select count(*) from tasks.schedule s where s.tenant_id = ${tenantId} and s.process_id = ${id}) as schedules`.execute(db);
  return { runs: Number(found.rows[0]!.runs), schedules: Number(found.rows[0]!.schedules) };
}

/** Deletes a process that nothing refers to any more, and its versions with it, whose number the entry tells. By primary key. */
export async function deleteProcess(db: Sql, { id, name, description, latestVersion }: Process): Promise<void> {
  const entry = { action: 'process.deleted', subjectType: 'process', subjectId: id, previousState: { id, name, description, latestVersion }, details: { cascade: { 'tasks.process_version': latestVersion } } };
  await sql`
    with gone as (
      delete from tasks.process p where p.tenant_id = ${currentTenantId()} and p.id = ${id} returning p.id
    )
    ${insertEntry(entry, 'gone')}`.execute(db);
}
