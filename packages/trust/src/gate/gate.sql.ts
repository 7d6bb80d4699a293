import { currentTenantId } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { ANY_CLASS, OTHER_CLASS, SUGGESTING } from './gate.js';

/** Whether the tenant's fleet is stopped: a condition. By emergency_stop_running_unique. */
export const isStopped = (): RawBuilder<unknown> => sql`exists (select from trust.emergency_stop e where e.tenant_id = ${currentTenantId()} and e.is_running)`;

/**
 * An agent's levels by action class at a moment, overrides in them: a jsonb object, null for an agent without standings. A
 * scalar subquery for the statement of whoever gates something, by the primary key of trust.standing.
 */
export const levelsOf = (agentId: RawBuilder<unknown>, now: Date): RawBuilder<unknown> => sql`(
    select jsonb_object_agg(s.action_class, s.level) from (
      select t.action_class, coalesce(case when t.override_expires_at > ${now}::timestamptz then t.override_level end,
               max(case when t.action_class = ${sql.lit(ANY_CLASS)} and t.override_expires_at > ${now}::timestamptz then t.override_level end) over (), t.level) as level
        from trust.standing t where t.tenant_id = ${currentTenantId()} and t.agent_id = ${agentId}
    ) s)`;

/** The level in a class, of what levelsOf() gives: a smallint. A class of none is the class `other`. */
export const levelWithin = (levels: RawBuilder<unknown>, actionClass: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`coalesce((${levels} ->> coalesce(${actionClass}, ${sql.lit(OTHER_CLASS)}))::smallint, (${levels} ->> ${sql.lit(ANY_CLASS)})::smallint, 0::smallint)`;

const SUGGESTING_LIST = sql.join(SUGGESTING.map((name) => sql.lit(name)));

/** Whether a level does an action of a class and a risk without asking: a condition, the same as allows(). */
export const isAllowed = (level: RawBuilder<unknown>, actionClass: RawBuilder<unknown>, risk: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`coalesce(${level} >= case ${risk} when 'low' then case when coalesce(${actionClass}, ${sql.lit(OTHER_CLASS)}) in (${SUGGESTING_LIST}) then 1 else 2 end when 'medium' then 3 when 'high' then 4 end, false)`;
