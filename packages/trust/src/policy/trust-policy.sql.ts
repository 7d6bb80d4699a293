import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, requireContext, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { thresholdsOf, type Policy, type Thresholds } from './thresholds.js';
import type { TrustPolicyRow } from './trust-policy.dto.js';

/** The last version as SQL returns it; null where there is none. */
export interface PolicyInForceRow {
  version: number | null;
  name: string | null;
  thresholds: Thresholds | null;
}

/** The last version: at most one row. By primary key. */
export const policyInForce = (): RawBuilder<unknown> => sql`select version, name, thresholds from trust.trust_policy where tenant_id = ${currentTenantId()} order by version desc limit 1`;

/** The policy of what policyInForce() has found: the default preset, as version 0, where a tenant has set none. */
export const policyOf = (row: PolicyInForceRow | undefined): Policy =>
  row === undefined || row.version === null ? { version: 0, name: 'default', thresholds: thresholdsOf('default') } : { version: row.version, name: row.name!, thresholds: row.thresholds! };

/** The policy in force. */
export async function selectPolicy(db: Sql): Promise<Policy> {
  const found = await sql<PolicyInForceRow>`${policyInForce()}`.execute(db);
  return policyOf(found.rows[0]);
}

/** A page of versions, the greatest first, with one row more. By primary key. */
export async function selectTrustPolicies(db: Sql, below: number | undefined, limit: number): Promise<TrustPolicyRow[]> {
  const found = await sql<TrustPolicyRow>`
    select version, name, thresholds, created_by_name, created_at from trust.trust_policy
     where tenant_id = ${currentTenantId()} ${below === undefined ? sql`` : sql`and version < ${below}::int`} order by version desc limit ${limit + 1}`.execute(db);
  return found.rows;
}

/** Writes the version after the last one, with its entry; undefined when somebody else has just written that. By primary key. */
export async function insertTrustPolicy(db: Sql, name: string, thresholds: Thresholds, now: Date): Promise<TrustPolicyRow | undefined> {
  const entry = insertEntry({ action: 'trust_policy.created', subjectType: 'trust_policy', subjectId: name }, 'made', { newState: sql`jsonb_build_object('version', made.version, 'name', made.name, 'thresholds', made.thresholds)` });
  const made = await sql<TrustPolicyRow>`
    with made as (
      insert into trust.trust_policy (tenant_id, version, name, thresholds, created_by_name, created_at)
      select ${currentTenantId()}::uuid, coalesce((select p.version from trust.trust_policy p where p.tenant_id = ${currentTenantId()} order by p.version desc limit 1), 0) + 1,
             ${name}::text, ${JSON.stringify(thresholds)}::jsonb, ${requireContext().principal.actor.name}::text, ${now}::timestamptz
      on conflict do nothing
      returning version, name, thresholds, created_by_name, created_at
    ), entry as (${entry})
    select * from made`.execute(db);
  return made.rows[0];
}

/** How many versions there are. */
export async function countTrustPolicies(db: Sql): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from trust.trust_policy where tenant_id = ${currentTenantId()}`.execute(db);
  return Number(found.rows[0]!.count);
}
