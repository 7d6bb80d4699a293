import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { PreferenceRow } from './preference.dto.js';

const COLUMNS = sql`p.user_id, p.category, p.preferences, p.version, p.created_at, p.updated_at`;

/** One preference, or all of a user by category; by primary key. */
export async function selectPreferences(db: Sql, userId: string, category?: string): Promise<PreferenceRow[]> {
  const found = await sql<PreferenceRow>`
    select ${COLUMNS} from identity.preference p
     where p.tenant_id = ${currentTenantId()} and p.user_id = ${userId} ${category === undefined ? sql`` : sql`and p.category = ${category}`}
     order by p.category`.execute(db);
  return found.rows;
}

/** How many preferences contain a document; through identity.preferring(). */
export async function countPreferring(db: Sql, wanted: unknown, category: string | undefined): Promise<number> {
  const counted = await sql<{ count: string }>`select count(*) as count from identity.preferring(${JSON.stringify(wanted)}::jsonb, ${category ?? null}::text)`.execute(db);
  return Number(counted.rows[0]!.count);
}

/** Preferences that contain a document, by user and category; through identity.preferring(), which may use the GIN index. */
export async function selectPreferring(db: Sql, wanted: unknown, category: string | undefined, after: readonly (string | number)[] | null, limit: number): Promise<PreferenceRow[]> {
  const beyond = after === null ? sql`` : sql`and (p.user_id, p.category) > (${after[0]}::uuid, ${after[1]}::text)`;
  const found = await sql<PreferenceRow>`
    select ${COLUMNS} from identity.preferring(${JSON.stringify(wanted)}::jsonb, ${category ?? null}::text) f
      join identity.preference p on p.tenant_id = ${currentTenantId()} and p.user_id = f.user_id and p.category = f.category
     where true ${beyond} order by p.user_id, p.category limit ${limit}`.execute(db);
  return found.rows;
}
