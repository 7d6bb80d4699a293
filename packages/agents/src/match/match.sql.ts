import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { AGENT_COLUMNS } from '../agent/agent.sql.js';
import { ACTIVE_STATUSES } from '../presence/presence.entity.js';
import type { MatchRow, RequirementsDto, Weights } from './match.dto.js';

/** A heartbeat this old counts 1/e of a fresh one. */
const RECENCY_SECONDS = 900;

/** What matches are ordered by first: the score, or whether they have all of the required capabilities, and then the score. */
export type Order = 'score' | 'cover';

/** Which part of a ranking is wanted, and when it is made. */
export interface Ranking {
  first: Order;
  limit: number;
  now: Date;
}

/**
 * Ranks the tenant's active, enhanced agents in one query. Candidates come from agents.capable() (both capability
 * indexes) when capabilities are asked for, else from the indexes of those who take work and of the enhanced ones. Scores
 * are rounded before they are ordered and equal ones go by id, so the same state always gives the same order.
 */
export async function selectMatches(db: Sql, requirements: RequirementsDto, weights: Weights, { first, limit, now }: Ranking): Promise<MatchRow[]> {
  const wanted = requirements.capabilities ?? [];
  const capable =
    wanted.length > 0
      ? sql`join agents.capable(${wanted}::text[]) c on c.agent_id = a.id`
      : sql`cross join (select '{}'::text[] as matched) c`;
  const found = await sql<MatchRow>`
    with rated as (
      select ${AGENT_COLUMNS}, c.matched, coalesce(w.open_count, 0) as open_count,
             case when ${wanted.length} = 0 then 1 else cardinality(c.matched)::float8 / greatest(${wanted.length}, 1) end as cover,
             a.performance_score / 100.0::float8 as performance,
             1 / (1 + coalesce(w.open_count, 0))::float8 as load,
             coalesce(exp(-greatest(extract(epoch from ${now}::timestamptz - p.last_heartbeat_at), 0)::float8 / ${RECENCY_SECONDS}), 0) as recency,
             case when ${requirements.domain ?? null}::text is null then null else coalesce((
               select max(k.priority_level) / 10.0::float8 from agents.knowledge_domain k
                 join agents.instruction i on i.tenant_id = k.tenant_id and i.id = k.instruction_id
                where k.tenant_id = a.tenant_id and i.agent_id = a.id and k.domain_name = ${requirements.domain ?? null}), 0) end as domain_fit
        from agents.agent a
        join agents.presence p on p.tenant_id = a.tenant_id and p.agent_id = a.id
        ${capable}
        left join agents.workload w on w.tenant_id = a.tenant_id and w.agent_id = a.id
       where a.tenant_id = ${currentTenantId()} and a.enhanced_features_enabled and p.status = any (${[...ACTIVE_STATUSES]}::text[])
         and (${requirements.type ?? null}::text is null or a.type = ${requirements.type ?? null})
    )
    select *, round((cover * ${weights.cover}::float8 + performance * ${weights.performance}::float8 + load * ${weights.load}::float8
                     + recency * ${weights.recency}::float8 + coalesce(domain_fit, 0) * ${weights.domain}::float8)::numeric, 4)::float8 as score
      from rated order by ${first === 'cover' ? sql`cover = 1 desc, ` : sql``}score desc, id limit ${limit}`.execute(db);
  return found.rows;
}
