import { FACTS_RECORD, insertEntryPerRow, type EntryFacts } from '@agent-hive/audit';
import type { AgentStatus } from '@agent-hive/agents';
import { atMost, currentTenantId, isAmong, type Sql } from '@agent-hive/kernel';
import { isAllowed, isStopped, levelsOf, levelWithin } from '@agent-hive/trust';
import { sql, type RawBuilder } from 'kysely';
import { ANYONE } from '../task/lane.js';
import { TASK_COLUMNS } from '../task/task.sql.js';
import type { TaskRow } from '../task/task-view.dto.js';

/*
 * How a claim finds its tasks
 *
 *   lane       (queue, lane) pairs that have a task to claim, by a loose scan of task_claim_index: one probe a lane,
 *              however many tasks it holds; those for anyone, and those pinned to the agent
 *   gated      the same with what the trust of the agent says of them: tasks with a risk need the level for it
 *   eligible   the lanes whose demands the agent meets, but for those that are withheld, which are counted
 *   candidate  the first N of each, unlocked, numbered within their queue by priority and age
 *   share      how many each lane gives, when queues take turns by weight
 *   locked     that many of each lane, skipping what another claim holds right now
 *   claimed    their new state, one attempt and one entry each
 *
 * Turns: the k-th turn of a queue with weight w is at the time (k + u) / w, where u, from 0 to 1, comes from its name. A
 * claim takes the turns that follow the time of the last one, so each queue with work is served w times in a unit of time,
 * and none waits longer than that, whatever floods the others.
 */

/** One place for a task: who would do it, under which ids. */
export interface Slot extends EntryFacts {
  n: number;
  agentId: string;
  leaseSeconds: number;
  leaseExpiresAt: Date;
  attemptId: string;
  entryId: string;
}

/** Whose eyes the queues are seen with, and how many tasks are wanted. Agents of all slots are alike to `agentId`. */
export interface Claim {
  agentId: string;
  /** Null for every queue. */
  queues: readonly string[] | null;
  slots: readonly Slot[];
  /** Time of the last turn. */
  turn: number;
  now: Date;
}

/** A claimed task; without one, what became of the claim is told by a row with a null id. */
export interface ClaimedRow extends Omit<TaskRow, 'id'> {
  id: string | null;
  agent_status: AgentStatus;
  /** Whether the agent may do tasks that take more than one statement to claim: then this one claims nothing, unless it is told to. */
  is_entangled: boolean;
  /** Ready tasks that only the agent's trust keeps from it, WITHHELD_MAX at most. */
  withheld: number;
  /** Whether there were tasks, of which another claim took those that this one wanted. */
  was_contended: boolean;
  slot: number;
  turn: number;
}

/** Up to how many withheld tasks are counted: a claim must not read a million of them. */
export const WITHHELD_MAX = 100;

/** Condition of the rows t of tasks.task that can be claimed, as task_claim_index states it. */
export const READY = sql`t.status = 'ready' and t.held_by is null`;

/** Lanes of tasks for anyone and for the agent, each found by one probe behind the one before. */
function lanes({ agentId, queues }: Claim): RawBuilder<unknown> {
  const next = (who: string, beyond: RawBuilder<unknown>) => sql`
      select ${sql.ref(who)} as whose, t.queue, t.lane, t.required_capabilities, t.is_start_linked, t.action_class, t.risk from tasks.task t
       where t.tenant_id = ${currentTenantId()} and ${READY} and t.reserved_for = ${sql.ref(who)} and ${beyond} order by t.queue, t.lane limit 1`;
  const [starts, first, after] =
    queues === null
      ? [sql``, sql`true`, sql`(t.queue, t.lane) > (l.queue, l.lane)`]
      : [sql`cross join unnest(${queues}::text[]) as q(name)`, sql`t.queue = q.name`, sql`t.queue = l.queue and t.lane > l.lane`];
  return sql`lane as (
      select f.* from (values (${sql.lit(ANYONE)}::uuid), (${agentId}::uuid)) as w(whose) ${starts} cross join lateral (${next('w.whose', first)}) f
      union all
      select n.* from lane l cross join lateral (${next('l.whose', after)}) n
    )`;
}

/** Who an agent is that claims: its status, and what it and its instruction can do. */
export const claimant = (agentId: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  select a.id, p.status,
         a.capabilities || coalesce((select jsonb_agg(c.capability_name) from agents.instruction i join agents.capability c on c.tenant_id = i.tenant_id and c.instruction_id = i.id
                                      where i.tenant_id = a.tenant_id and i.agent_id = a.id), '[]'::jsonb) as capabilities
    from agents.agent a join agents.presence p on p.tenant_id = a.tenant_id and p.agent_id = a.id
   where a.tenant_id = ${currentTenantId()} and a.id = ${agentId}`;

/** What a queue with limits still lets through: of its bucket, and of its places. */
const allowance = (now: Date, wanted: number): RawBuilder<unknown> => sql`
  select q.name, b.tokens, q.rate_limit is not null as is_rated,
         least(case when q.rate_limit is null then ${wanted}::float8 else floor(b.tokens) end,
               case when q.max_concurrent is null then ${wanted}::float8
                    else greatest(0, q.max_concurrent - (select count(*) from tasks.task t where t.tenant_id = q.tenant_id and t.queue = q.name and t.status in ('claimed', 'running'))) end) as allowed
    from tasks.queue q
   cross join lateral (select least(greatest(1, q.rate_limit), q.tokens + greatest(0, extract(epoch from ${now}::timestamptz - q.refilled_at)) * q.rate_limit)::float8 as tokens) b
   where q.tenant_id = ${currentTenantId()} and (q.rate_limit is not null or q.max_concurrent is not null)`;

/** Tasks of one lane, in the order in which they are claimed. */
const ofLane = (lane: string, limit: RawBuilder<unknown>, lock: RawBuilder<unknown>): RawBuilder<unknown> => sql`
    select t.id, t.priority from tasks.task t
     where t.tenant_id = ${currentTenantId()} and ${READY} and t.reserved_for = ${sql.ref(`${lane}.whose`)} and t.queue = ${sql.ref(`${lane}.queue`)} and t.lane = ${sql.ref(`${lane}.lane`)}
     order by t.priority desc, t.id ${limit} ${lock}`;

/**
 * Claims for the slots what is first in turn: one statement, served by task_claim_index throughout. Where it meets queues
 * with limits, or tasks whose start others wait for, it claims nothing unless it is the `whole` claim: that one runs under
 * lockLimitedQueues(), since limits are counted, and is followed by the settlement of starts, in one transaction.
 * No row means that there is no such agent.
 */
export async function claimTasks(db: Sql, claim: Claim, whole: boolean): Promise<ClaimedRow[]> {
  const tenantId = currentTenantId();
  const { now, slots } = claim;
  const entry = insertEntryPerRow(
    {
      subjectType: 'task', action: sql`'task.claimed'`, id: sql`s."entryId"`, subjectId: sql`c.id::text`, agentId: sql`c.assignee_id`, risk: sql`c.risk`, occurredAt: now, facts: 's',
      newState: sql`jsonb_build_object('status', c.status, 'attempt', c.attempt, 'fencingToken', c.fencing_token, 'leaseExpiresAt', c.lease_expires_at)`,
    },
    sql`claimed c join slot s on s.n = c.slot`,
  );
  const found = await sql<ClaimedRow>`
    with recursive slot as materialized (
      select * from json_to_recordset(${JSON.stringify(slots)}::json)
        as s(n int, "agentId" uuid, "leaseSeconds" int, "leaseExpiresAt" timestamptz, "attemptId" uuid, "entryId" uuid, ${FACTS_RECORD}) ${atMost(slots.length)}
    ), me as materialized (${claimant(sql`${claim.agentId}::uuid`)} for key share of a), trust as materialized (
      select ${levelsOf(sql`${claim.agentId}::uuid`, now)} as levels, ${isStopped()} as is_stopped
    ), ${lanes(claim)}, gated as materialized (
      select l.*, t.is_stopped or not (l.risk is null or ${isAllowed(levelWithin(sql`t.levels`, sql`l.action_class`), sql`l.action_class`, sql`l.risk`)}) as is_withheld
        from lane l cross join me cross join trust t where me.status <> 'shutdown' and l.required_capabilities <@ me.capabilities
    ), eligible as materialized (
      select l.*, coalesce(q.weight, 1) as weight, l.is_start_linked or q.rate_limit is not null or q.max_concurrent is not null as is_entangled
        from gated l left join lateral (select k.weight, k.rate_limit, k.max_concurrent from tasks.queue k where k.tenant_id = ${tenantId} and k.name = l.queue offset 0) q on true
       where not l.is_withheld
    ), withheld as (
      select count(*)::int as count from (
        select from gated g cross join lateral (${ofLane('g', sql`limit ${sql.lit(WITHHELD_MAX)}`, sql``)}) w where g.is_withheld limit ${sql.lit(WITHHELD_MAX)}
      ) held
    ), facing as materialized (
      select coalesce(bool_or(is_entangled), false) as is_entangled from eligible
    )${whole ? sql`, allowance as materialized (${allowance(now, slots.length)})` : sql``}, candidate as (
      select e.whose, e.queue, e.lane, e.weight, c.id, row_number() over (partition by e.queue order by c.priority desc, c.id) as nth
        from eligible e cross join facing f
       cross join lateral (${ofLane('e', atMost(slots.length), sql``)}) c
       where ${whole ? sql`true` : sql`not f.is_entangled`}
    ), turn as (
      select c.*, (floor(${claim.turn}::float8 * c.weight - u.offset) + c.nth + u.offset) / c.weight as at
        from candidate c
       cross join lateral (select ('x' || left(md5(c.queue), 4))::bit(16)::int / 65536.0::float8 as "offset") u
        ${whole ? sql`left join allowance a on a.name = c.queue where c.nth <= coalesce(a.allowed, c.nth)` : sql``}
       order by at, c.id limit ${slots.length}
    ), share as (
      select whose, queue, lane, count(*)::int as take from turn group by 1, 2, 3
    ), locked as materialized (
      select x.id, row_number() over (order by x.priority desc, x.id)::int as n
        from share s cross join lateral (select * from (${ofLane('s', sql`limit s.take`, sql`for no key update skip locked`)}) y ${atMost(slots.length)}) x ${atMost(slots.length)}
    ), claimed as (
      update tasks.task t
         set status = 'claimed', status_reason = null, assignee_id = s."agentId", attempt = t.attempt + 1, fencing_token = t.fencing_token + 1, attempt_id = s."attemptId",
             lease_expires_at = s."leaseExpiresAt", lease_seconds = s."leaseSeconds", progress = 0, started_at = coalesce(t.started_at, ${now}::timestamptz),
             updated_at = ${now}, version = t.version + 1
        from locked l join slot s on s.n = l.n
       where t.tenant_id = ${tenantId} and ${isAmong(sql`t.id`, sql`array(select id from locked)`)} and t.id = l.id
      returning ${TASK_COLUMNS}, s.n as slot
    ), attempt as (
      insert into tasks.attempt (tenant_id, id, task_id, agent_id, fencing_token, number, redrive, claimed_at)
      select ${tenantId}::uuid, c.attempt_id, c.id, c.assignee_id, c.fencing_token, c.attempt, c.redrive_count, ${now}::timestamptz from claimed c
    ), entry as (${entry})${whole ? spent(now) : sql``}
    select me.status as agent_status, (select count from withheld) as withheld, f.is_entangled, exists (select from turn) as was_contended, coalesce((select max(at) from turn), ${claim.turn}::float8) as turn, c.*
      from me cross join facing f left join claimed c on true order by c.slot`.execute(db);
  return found.rows;
}

/** What was claimed of a queue with a rate is taken from its bucket. */
const spent = (now: Date): RawBuilder<unknown> => sql`, spent as (
      update tasks.queue q set tokens = a.tokens - c.taken, refilled_at = ${now}
        from allowance a join (select queue, count(*) as taken from claimed group by queue) c on c.queue = a.name
       where q.tenant_id = ${currentTenantId()} and q.name = a.name and a.is_rated
    )`;

/** Holds the queues with limits for the rest of the transaction: what is counted after that stays so. */
export async function lockLimitedQueues(db: Sql): Promise<void> {
  await sql`select from tasks.queue where tenant_id = ${currentTenantId()} and (rate_limit is not null or max_concurrent is not null) order by name for update`.execute(db);
}

/** What tells agents apart for a claim. */
export interface ClaimantRow {
  id: string;
  capabilities: string[];
  /** Levels of trust by action class; null for an agent that was never judged. */
  levels: Record<string, number> | null;
  /** Whether a task waits for this agent alone. */
  is_pinned_to: boolean;
}

/** The agents of several claims, by primary keys, trust.standing's too, and task_claim_index. Ordered as that is: else, where most tasks are for anyone, the table is scanned for one that is not. */
export async function selectClaimants(db: Sql, agentIds: readonly string[], now = new Date()): Promise<ClaimantRow[]> {
  const found = await sql<ClaimantRow>`
    select m.id, m.capabilities, ${levelsOf(sql`m.id`, now)} as levels, coalesce(pinned.is_any, false) as is_pinned_to
      from unnest(${agentIds}::uuid[]) as w(id) cross join lateral (${claimant(sql`w.id`)}) m
      left join lateral (
        select true as is_any from tasks.task t where t.tenant_id = ${currentTenantId()} and ${READY} and t.reserved_for = m.id order by t.queue, t.lane limit 1
      ) pinned on true`.execute(db);
  return found.rows;
}
