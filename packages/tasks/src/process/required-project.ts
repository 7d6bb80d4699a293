import type { EntityManager } from '@mikro-orm/postgresql';
import { NotFound, tenantSql } from '@agent-hive/kernel';
import { selectMissing } from '../task/reference.sql.js';

/** Throws NotFound when the project that is named is not there. Null names none. */
export async function requireProject(em: EntityManager, id: string | null): Promise<void> {
  if (id === null) return;
  const missing = await tenantSql(em, (db) => selectMissing(db, { projects: [id], processRuns: [] }));
  if (missing.length > 0) throw new NotFound('project', id);
}
