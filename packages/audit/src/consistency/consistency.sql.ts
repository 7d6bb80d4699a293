import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { ConsistencyCheck } from '../audit.hooks.js';

/** Violations of a check that are counted at most. */
export const COUNTED_MAX = 1000;

/** Ends the next statements of the transaction when they take longer. The embedded engine cannot end a statement, and takes its time. */
export async function limitStatements(db: Sql, timeoutMs: number): Promise<void> {
  await sql`set local statement_timeout = ${sql.lit(timeoutMs)}`.execute(db);
}

/** Ids of subjects that violate a check, one more than are counted. By the indexes that the check tells. */
export async function selectViolations(db: Sql, { violations }: ConsistencyCheck): Promise<string[]> {
  const found = await sql<{ id: string }>`select v.id::text as id from (${violations()}) v limit ${sql.lit(COUNTED_MAX + 1)}`.execute(db);
  return found.rows.map((row) => row.id);
}

/** How many violations the record last told of by check; none of those that it says are restored, or never told of. By entry_subject_index. */
export async function selectKnown(db: Sql, subjectType: string, names: readonly string[]): Promise<Map<string, number>> {
  const found = await sql<{ name: string; violations: number }>`
    select n.name, coalesce((e.details ->> 'violations')::int, 0) as violations from unnest(${[...names]}::text[]) n(name)
     cross join lateral (
       select action, details from audit.entry where ${tenant('tenant_id')} and subject_type = ${subjectType} and subject_id = n.name order by id desc limit 1
     ) e where e.action = 'consistency.violated'`.execute(db);
  return new Map(found.rows.map((row) => [row.name, row.violations]));
}

/** Condition that retention may have taken out the row of a table (`schema.table`) with this id: a proof covers it. By archive_store_index. */
export const mayBeArchived = (table: string, id: RawBuilder<unknown>): RawBuilder<boolean> =>
  sql`exists (select from audit.archive p where p.tenant_id = ${currentTenantId()} and p.store_table = ${sql.lit(table)} and ${id} between p.first_id and p.last_id)`;

const tenant = (column: string): RawBuilder<unknown> => sql`${sql.ref(column)} = ${currentTenantId()}`;

/** What must hold of the record and its webhooks. */
export const AUDIT_CHECKS: readonly ConsistencyCheck[] = [
  {
    // Both ends by their primary keys. The sealer writes leaves and checkpoint in one transaction.
    name: 'audit.checkpoints',
    description: 'The latest checkpoint covers the last leaf.',
    subjectType: 'tenant',
    violations: () => sql`
      select ${currentTenantId()} as id
       where (select l.sequence from audit.leaf l where ${tenant('l.tenant_id')} order by l.sequence desc limit 1)
             is distinct from (select c.size from audit.checkpoint c where ${tenant('c.tenant_id')} order by c.size desc limit 1)`,
  },
  {
    // Webhooks are few; each has its cursor and its last delivery by a primary or a unique key.
    name: 'audit.webhook-cursors',
    description: 'Each webhook has a place in the feed, which is neither behind one of its deliveries nor beyond the last leaf.',
    subjectType: 'webhook',
    violations: () => sql`
      select w.id from audit.webhook w left join audit.webhook_cursor c on c.tenant_id = w.tenant_id and c.webhook_id = w.id
       where ${tenant('w.tenant_id')}
         and (c.webhook_id is null
           or c.sequence < (select d.sequence from audit.webhook_delivery d where ${tenant('d.tenant_id')} and d.webhook_id = w.id order by d.sequence desc limit 1)
           or c.sequence > coalesce((select l.sequence from audit.leaf l where ${tenant('l.tenant_id')} order by l.sequence desc limit 1), 0))`,
  },
  {
    // By webhook_delivery_subject_index, which holds what is pending. None due, and the subject's events wait for ever; two, and they overtake each other.
    name: 'audit.webhook-queues',
    description: 'Of the pending deliveries of a webhook about one subject, exactly one is due at some time.',
    subjectType: 'webhook_delivery',
    violations: () => sql`
      select min(d.id::text) as id from audit.webhook_delivery d
       where ${tenant('d.tenant_id')} and d.status = 'pending' group by d.webhook_id, d.subject_type, d.subject_id having count(d.next_attempt_at) <> 1`,
  },
  {
    // Webhooks are few; keys by primary key. Compared as text, since a damaged secret may name no UUID.
    name: 'audit.webhook-keys',
    description: 'The data key that a secret of a webhook is encrypted with is there and not destroyed.',
    subjectType: 'webhook',
    violations: () => sql`
      select w.id from audit.webhook w
       where ${tenant('w.tenant_id')}
         and exists (select from unnest(array[w.secret, w.previous_secret]) s(value)
                      where s.value is not null and not exists (select from audit.data_key k where ${tenant('k.tenant_id')} and k.id::text = split_part(s.value, '.', 2) and k.destroyed_at is null))`,
  },
];
