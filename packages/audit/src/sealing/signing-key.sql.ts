import type { Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** Row of audit.signing_key as SQL returns it. */
export interface SigningKeyRow {
  id: string;
  public_key: Buffer;
  created_at: Date | string;
  retired_at: Date | string | null;
}

/** The catalogue, oldest first: some rows. */
export async function selectSigningKeys(db: Sql): Promise<SigningKeyRow[]> {
  return (await sql<SigningKeyRow>`select id, public_key, created_at, retired_at from audit.signing_key order by created_at, id`.execute(db)).rows;
}

/** Makes a key the one that signs, in place of whichever did; of two at once, one waits for the other in signing_key_active_unique. */
export async function activateSigningKey(db: Sql, id: string, publicKey: Buffer, now: Date): Promise<void> {
  await sql`update audit.signing_key set retired_at = greatest(${now}::timestamptz, created_at) where retired_at is null and id <> ${id}`.execute(db);
  await sql`insert into audit.signing_key (id, public_key, created_at) values (${id}, ${publicKey}, ${now}) on conflict (id) do nothing`.execute(db);
}
