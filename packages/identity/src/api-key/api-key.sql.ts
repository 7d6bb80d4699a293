import type { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { KeyParts } from './key-text.js';

/** What the guard must know of a key. */
export interface KeyRow {
  secret_hash: string;
  name: string;
  scopes: string[];
  role: string | null;
  role_scopes: string[] | null;
  agent_id: string | null;
  user_id: string | null;
  expires_at: Date | null;
  revoked_at: Date | null;
  tenant_state: string;
  user_role: string | null;
  user_role_scopes: string[] | null;
}

/** One statement by primary keys, on every request: a revoked key is refused at once, in every process. */
export async function selectKey(em: EntityManager, { tenantId, keyId }: KeyParts): Promise<KeyRow | undefined> {
  const db = em.getConnection('write').getClient() as unknown as Sql;
  return (await sql<KeyRow>`select * from identity.authenticate(${tenantId}, ${keyId})`.execute(db)).rows[0];
}

/** Notes that a key was used; not an event of the record. */
export async function touchKey(db: Sql, keyId: string, at: Date): Promise<void> {
  await sql`update identity.api_key set last_used_at = ${at} where tenant_id = ${currentTenantId()} and id = ${keyId}`.execute(db);
}
