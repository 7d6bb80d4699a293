import type { SubjectNames, SubjectType } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** What names an agent or a session of the tenant; null when there is none of that id, and for another type of subject. */
export async function subjectNames(db: Sql, type: SubjectType, id: string): Promise<SubjectNames | null> {
  if (type !== 'agent' && type !== 'session') return null;
  const found = await sql<{ name: string | null; external_id: string | null }>`
    select name, external_id from ${sql.table(`agents.${type}`)} where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db);
  const row = found.rows[0];
  if (!row) return null;
  const texts = (value: string | null) => (value === null || value === 'erased' ? [] : [value]);
  return { identifiers: [], values: texts(row.external_id), names: texts(row.name) };
}
