import { mayBeArchived, type ConsistencyCheck } from '@agent-hive/audit';
import { currentTenantId } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** What must hold of trust and of what it rests on. */
export const CONSISTENCY_CHECKS: readonly ConsistencyCheck[] = [
  {
    // By standing_override_index; overrides by primary key. One that expires ends with its standing's columns, not in its own row.
    name: 'trust.overrides',
    description: 'The override of a standing is there, has not ended, and says the same level, class and time.',
    subjectType: 'agent',
    violations: () => sql`
      select distinct s.agent_id as id from trust.standing s
       where s.tenant_id = ${currentTenantId()} and s.override_expires_at is not null
         and not exists (select from trust.override o where o.tenant_id = s.tenant_id and o.id = s.override_id and o.agent_id = s.agent_id and o.action_class = s.action_class
                            and o.level = s.override_level and o.expires_at = s.override_expires_at and o.ended_at is null)`,
  },
  {
    // Both by primary keys. An erasure takes out both.
    name: 'trust.judgements',
    description: 'The judged and approved decisions that a standing counts are those of its days.',
    subjectType: 'agent',
    violations: () => sql`
      select distinct s.agent_id as id from trust.standing s
       cross join lateral (
         select coalesce(sum(d.judged_count), 0) as judged, coalesce(sum(d.approved_count), 0) as approved from trust.judged_day d
          where d.tenant_id = ${currentTenantId()} and d.agent_id = s.agent_id and d.action_class = s.action_class
       ) n
       where s.tenant_id = ${currentTenantId()} and (s.judged_count, s.approved_count) is distinct from (n.judged, n.approved)`,
  },
  {
    // Both by primary keys.
    name: 'trust.windows',
    description: 'A standing has no more judgements in its window, and none more since its last change, than it was judged by at all.',
    subjectType: 'agent',
    violations: () => sql`
      select distinct s.agent_id as id from trust.standing s
       where s.tenant_id = ${currentTenantId()} and greatest(jsonb_array_length(s.judgements), s.judged_since_change) > s.judged_count`,
  },
  {
    // A walk over the decisions; interactions by primary key. A plain id, since interactions go when their time is over.
    name: 'trust.approvals',
    description: 'The approval that a decision waits for, or that allowed it, is there, unless retention has taken it out.',
    subjectType: 'decision',
    violations: () => sql`
      select d.id from trust.decision d
       where d.tenant_id = ${currentTenantId()} and d.interaction_id is not null
         and not exists (select from trust.interaction i where i.tenant_id = ${currentTenantId()} and i.id = d.interaction_id)
         and not ${mayBeArchived('trust.interaction', sql`d.interaction_id`)}`,
  },
];
