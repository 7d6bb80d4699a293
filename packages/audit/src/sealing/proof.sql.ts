import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { PAYLOAD } from './sealing.sql.js';

/** A leaf with its entry's payload, as it is exported and proven. */
export interface LeafRow {
  sequence: string | number;
  entry_id: string;
  occurred_at: Date;
  action: string;
  subject_type: string;
  subject_id: string;
  risk: string | null;
  salt: Buffer | null;
  payload_hash: Buffer;
  leaf_hash: Buffer;
  /** Null when the entry is no longer there, or its payload is erased. */
  payload: string | null;
}

const COLUMNS = sql`l.sequence, l.entry_id, l.occurred_at, l.action, l.subject_type, l.subject_id, l.risk, l.payload_hash, l.leaf_hash,
  case when e.id is not null then l.salt end as salt, case when l.salt is not null and e.id is not null then ${PAYLOAD} end as payload`;

/** The leaf of an entry. By leaf_entry_id_unique. */
export async function selectLeafOf(db: Sql, entryId: string): Promise<LeafRow | undefined> {
  const tenantId = currentTenantId();
  const found = await sql<LeafRow>`
    select ${COLUMNS} from audit.leaf l left join audit.entry e on e.tenant_id = ${tenantId} and e.id = l.entry_id and e.id = ${entryId}::uuid
     where l.tenant_id = ${tenantId} and l.entry_id = ${entryId}`.execute(db);
  return found.rows[0];
}

/** Leaves from one sequence to another in their order. By the primary key, and each entry by its own. */
export async function selectLeaves(db: Sql, { from, to }: { from: number; to: number }): Promise<LeafRow[]> {
  const tenantId = currentTenantId();
  const found = await sql<LeafRow>`
    select ${COLUMNS} from audit.leaf l left join audit.entry e on e.tenant_id = ${tenantId} and e.id = l.entry_id
     where l.tenant_id = ${tenantId} and l.sequence between ${from}::bigint and ${to}::bigint order by l.sequence`.execute(db);
  return found.rows;
}
