import { NotFound, type Sql } from '@agent-hive/kernel';
import { selectMissing } from '../task/reference.sql.js';

/** Throws NotFound when the project that is named is not there. Null names none. */
export async function requireProject(db: Sql, id: string | null): Promise<void> {
  if (id === null) return;
  const missing = await selectMissing(db, { projects: [id], processRuns: [] });
  if (missing.length > 0) throw new NotFound('project', id);
}
