import type { ConsistencyCheck } from '@agent-hive/audit';
import { currentTenantId } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { INTERACTION } from './wait/wait.sql.js';
import { ANYONE } from './task/lane.js';

/** What must hold of tasks that are done, waited for and planned. A walk over the tenant's tasks where no index is named. */
export const CONSISTENCY_CHECKS: readonly ConsistencyCheck[] = [
  {
    // By task_lease_index; attempts by primary key. No policy takes out an attempt that has not ended.
    name: 'tasks.leases',
    description: 'A claimed or running task has an attempt of its assignee, under its fencing token, that has not ended.',
    subjectType: 'task',
    violations: () => sql`
      select t.id from tasks.task t
       where t.tenant_id = ${currentTenantId()} and t.status in ('claimed', 'running')
         and not exists (select from tasks.attempt a where a.tenant_id = t.tenant_id and a.id = t.attempt_id and a.task_id = t.id and a.agent_id = t.assignee_id
                            and a.fencing_token = t.fencing_token and a.ended_at is null)`,
  },
  {
    // A walk over the attempts; tasks by primary key.
    name: 'tasks.open-attempts',
    description: 'An attempt that has not ended is the one of a claimed or running task.',
    subjectType: 'attempt',
    violations: () => sql`
      select a.id from tasks.attempt a
       where a.tenant_id = ${currentTenantId()} and a.ended_at is null
         and not exists (select from tasks.task t where t.tenant_id = a.tenant_id and t.id = a.task_id and t.attempt_id = a.id and t.status in ('claimed', 'running'))`,
  },
  {
    // A walk over the attempts; tasks and agents by primary keys. They are plain ids (docs/adr/0012), and neither goes while there is an attempt.
    name: 'tasks.attempt-references',
    description: 'An attempt that has ended is one of a task and of an agent that are there.',
    subjectType: 'attempt',
    violations: () => sql`
      select a.id from tasks.attempt a
       where a.tenant_id = ${currentTenantId()} and a.ended_at is not null
         and (not exists (select from tasks.task t where t.tenant_id = a.tenant_id and t.id = a.task_id) or not exists (select from agents.agent g where g.tenant_id = a.tenant_id and g.id = a.agent_id))`,
  },
  {
    // Agents by primary key. Plain ids as well; an agent with tasks is not deleted.
    name: 'tasks.assignees',
    description: 'The assignee of a task, and the agent that it is reserved for, are there.',
    subjectType: 'task',
    violations: () => sql`
      select t.id from tasks.task t
       where t.tenant_id = ${currentTenantId()}
         and ((t.assignee_id is not null and not exists (select from agents.agent a where a.tenant_id = t.tenant_id and a.id = t.assignee_id))
           or (t.reserved_for <> ${sql.lit(ANYONE)}::uuid and not exists (select from agents.agent a where a.tenant_id = t.tenant_id and a.id = t.reserved_for)))`,
  },
  {
    // Children by task_parent_index. Parents that ignore their children do not count them.
    name: 'tasks.children',
    description: 'A group counts its children: all of them, those that have not ended, and those that ended without success.',
    subjectType: 'task',
    violations: () => sql`
      select t.id from tasks.task t
       cross join lateral (
         select count(*) as total, count(*) filter (where c.status not in ('completed', 'failed', 'cancelled', 'dead')) as open, count(*) filter (where c.status in ('failed', 'cancelled', 'dead')) as failed
           from tasks.task c where c.tenant_id = ${currentTenantId()} and c.parent_id = t.id
       ) n
       where t.tenant_id = ${currentTenantId()} and t.child_policy <> 'ignore' and (t.child_count, t.open_child_count, t.failed_child_count) is distinct from (n.total, n.open, n.failed)`,
  },
  {
    // Edges by primary key, which begins with the dependent.
    name: 'tasks.dependencies',
    description: 'A task counts the dependencies that still keep it from starting, and those that keep it from ending.',
    subjectType: 'task',
    violations: () => sql`
      select t.id from tasks.task t
        left join (
          select d.dependent_id, count(*) filter (where d.type in ('finish_to_start', 'start_to_start')) as starts, count(*) filter (where d.type in ('finish_to_finish', 'start_to_finish')) as finishes
            from tasks.task_dependency d where d.tenant_id = ${currentTenantId()} and d.resolved_at is null group by d.dependent_id
        ) n on n.dependent_id = t.id
       where t.tenant_id = ${currentTenantId()} and (t.open_start_count, t.open_finish_count) is distinct from (coalesce(n.starts, 0), coalesce(n.finishes, 0))`,
  },
  {
    name: 'tasks.blocked',
    description: 'Of the tasks that are blocked, ready, claimed or running, those are blocked that a dependency keeps from starting.',
    subjectType: 'task',
    violations: () => sql`
      select t.id from tasks.task t
       where t.tenant_id = ${currentTenantId()} and t.status in ('blocked', 'ready', 'claimed', 'running') and (t.status = 'blocked') <> (t.open_start_count > 0)`,
  },
  {
    // By task_interaction_index; interactions by primary key. An answer lets its tasks go on in its own transaction, and no policy takes out what is pending.
    name: 'tasks.waits',
    description: 'The interaction that a task waits for is there and pending.',
    subjectType: 'task',
    violations: () => sql`
      select t.id from tasks.task t
       where t.tenant_id = ${currentTenantId()} and t.interaction_id is not null and t.status = 'waiting' and t.status_reason = ${INTERACTION}
         and not exists (select from trust.interaction i where i.tenant_id = t.tenant_id and i.id = t.interaction_id and i.status = 'pending')`,
  },
  {
    // By primary keys. Compared as text: a damaged value may be no UUID.
    name: 'tasks.process-runs',
    description: 'The root task of a process run and the tasks of its steps are there, and are of that run.',
    subjectType: 'process_run',
    violations: () => sql`
      select r.id from tasks.process_run r
       where r.tenant_id = ${currentTenantId()}
         and exists (select from (select r.root_task_id::text union all select s.value from jsonb_each_text(r.step_tasks) s) w(id)
                      where w.id not in (select t.id::text from tasks.task t where t.tenant_id = ${currentTenantId()} and t.process_run_id = r.id))`,
  },
  {
    // By primary keys.
    name: 'tasks.process-versions',
    description: 'A process has the versions from 1 to its latest.',
    subjectType: 'process',
    violations: () => sql`
      select p.id from tasks.process p
       cross join lateral (select count(*) as total, max(v.number) as latest from tasks.process_version v where v.tenant_id = ${currentTenantId()} and v.process_id = p.id) n
       where p.tenant_id = ${currentTenantId()} and (p.latest_version, p.latest_version) is distinct from (n.latest, n.total)`,
  },
];
