import type { ConsistencyCheck } from '@agent-hive/audit';
import { currentTenantId } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { AGENT_TYPES } from './agent/agent.entity.js';

/** What must hold of agents and their sessions. */
export const CONSISTENCY_CHECKS: readonly ConsistencyCheck[] = [
  {
    // Both by primary keys.
    name: 'agents.presence',
    description: 'Each agent has a presence.',
    subjectType: 'agent',
    violations: () => sql`
      select a.id from agents.agent a
       where a.tenant_id = ${currentTenantId()} and not exists (select from agents.presence p where p.tenant_id = a.tenant_id and p.agent_id = a.id)`,
  },
  {
    // The last change by status_change_agent_index: ids sort as the changes came. An agent without one is new, or was erased.
    name: 'agents.status-changes',
    description: 'The status of an agent, and since when it has it, are those of its last status change.',
    subjectType: 'agent',
    violations: () => sql`
      select p.agent_id as id from agents.presence p
       cross join lateral (select c.to_status, c.changed_at from agents.status_change c where c.tenant_id = ${currentTenantId()} and c.agent_id = p.agent_id order by c.id desc limit 1) last
       where p.tenant_id = ${currentTenantId()} and (p.status, p.status_changed_at) is distinct from (last.to_status, last.changed_at)`,
  },
  {
    // A type in use cannot be deleted, but no key says so: built-in ones have no row. Types by primary key.
    name: 'agents.types',
    description: 'The type of an agent is built in, or one that the tenant has added.',
    subjectType: 'agent',
    violations: () => sql`
      select a.id from agents.agent a
       where a.tenant_id = ${currentTenantId()} and a.type <> all (${[...AGENT_TYPES]}::text[])
         and not exists (select from agents.agent_type y where y.tenant_id = a.tenant_id and y.name = a.type)`,
  },
  {
    // By api_key_agent_index; agents by primary key. Keys of an agent that is deleted are revoked in that transaction.
    name: 'agents.keys',
    description: 'An API key of an agent that is not there is revoked.',
    subjectType: 'api_key',
    violations: () => sql`
      select k.id from identity.api_key k
       where k.tenant_id = ${currentTenantId()} and k.agent_id is not null and k.revoked_at is null
         and not exists (select from agents.agent a where a.tenant_id = k.tenant_id and a.id = k.agent_id)`,
  },
  {
    // By session_forked_from_index, and primary key. Sequences only grow.
    name: 'agents.forks',
    description: 'A fork goes on behind a sequence that its origin has reached.',
    subjectType: 'session',
    violations: () => sql`
      select s.id from agents.session s join agents.session o on o.tenant_id = s.tenant_id and o.id = s.forked_from_id
       where s.tenant_id = ${currentTenantId()} and s.forked_from_id is not null and s.fork_sequence > o.last_sequence`,
  },
];
