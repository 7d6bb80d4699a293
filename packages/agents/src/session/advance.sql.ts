import { atMost, currentTenantId, isAmong, requireContext, type Actor, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';

/** Messages that are about to be written into a session. */
export interface Advance {
  sessionId: string;
  count: number;
  /** Least and greatest of their ids. */
  firstId: string;
  lastId: string;
  tokens: number;
  /** Sequence that the session must be at; null for any. */
  expectedSequence: number | null;
  now: Date;
}

/** Messages of one actor that are about to be written into a session, among those of other sessions. */
export interface JointAdvance extends Omit<Advance, 'expectedSequence'> {
  actorType: Actor['type'];
  actorId: string | null;
}

/**
 * Gives messages their sequences: an UPDATE to stand in a WITH clause beside their INSERT, so that there is never one without the
 * other. It holds the session's row until the transaction ends, so whoever comes next gets the next sequence. By primary key; it
 * returns `id, agent_id, base` (their sequences begin behind `base`), or no row when the session is not there, is not active, is
 * past its time, is an agent's other than the one that calls, or is at another sequence: SessionsService.refuse() tells which.
 */
export function advanceSession({ sessionId, count, firstId, lastId, tokens, expectedSequence, now }: Advance): RawBuilder<unknown> {
  const { actor } = requireContext().principal;
  return sql`
    update agents.session s
       set last_sequence = s.last_sequence + ${count}::bigint, tokens_used = s.tokens_used + ${tokens}::bigint, last_message_at = ${now}::timestamptz,
           first_message_id = least(s.first_message_id, ${firstId}::uuid), last_message_id = greatest(s.last_message_id, ${lastId}::uuid)
     where s.tenant_id = ${currentTenantId()} and s.id = ${sessionId} and s.state = 'active' and (s.expires_at is null or s.expires_at > ${now}::timestamptz)
       and (s.agent_id is null or s.agent_id = ${actor.id}::uuid or ${actor.type}::text <> 'agent')
       and (${expectedSequence}::bigint is null or s.last_sequence = ${expectedSequence}::bigint)
    returning s.id, s.agent_id, s.last_sequence - ${count}::bigint as base`;
}

/**
 * The same for several sessions at once: CTEs of which the last, `s`, returns what advanceSession() does, for each session that took its
 * messages. A session is named once. They are locked in the order of their ids, so that two such statements never wait for each other in a ring.
 */
export function advanceSessions(advances: readonly JointAdvance[]): RawBuilder<unknown> {
  const tenantId = currentTenantId();
  return sql`ask as materialized (
      select * from json_to_recordset(${JSON.stringify(advances)}::json)
        as a("sessionId" uuid, count bigint, "firstId" uuid, "lastId" uuid, tokens bigint, now timestamptz, "actorType" text, "actorId" uuid) ${atMost(advances.length)}
    ), held as materialized (
      select h.id, h.is_open from (select * from ask order by "sessionId") a
       cross join lateral (
         select s.id, s.state = 'active' and (s.expires_at is null or s.expires_at > a.now) and (s.agent_id is null or s.agent_id = a."actorId" or a."actorType" <> 'agent') as is_open
           from agents.session s where s.tenant_id = ${tenantId} and s.id = a."sessionId" for no key update
       ) h
    ), s as (
      update agents.session s
         set last_sequence = s.last_sequence + a.count, tokens_used = s.tokens_used + a.tokens, last_message_at = a.now,
             first_message_id = least(s.first_message_id, a."firstId"), last_message_id = greatest(s.last_message_id, a."lastId")
        from ask a
       where s.tenant_id = ${tenantId} and ${isAmong(sql`s.id`, sql`array(select id from held where is_open)`)} and s.id = a."sessionId"
      returning s.id, s.agent_id, s.last_sequence - a.count as base
    )`;
}

/** Where a part of what a session shows was written: its own messages, or what it shares with the one it was forked from. */
export interface Stretch {
  sessionId: string;
  /** The last sequence that counts in it. */
  upTo: number;
}

/** The sessions that a session's messages lie in, itself first. Forks of forks are few; each is found by primary key. */
export async function selectLineage(db: Sql, sessionId: string): Promise<Stretch[]> {
  const found = await sql<{ id: string; up_to: string | number }>`
    with recursive line as (
      select s.id, s.last_sequence as up_to, s.forked_from_id, s.fork_sequence, 1 as depth from agents.session s where s.tenant_id = ${currentTenantId()} and s.id = ${sessionId}
      union all
      select s.id, l.fork_sequence, s.forked_from_id, s.fork_sequence, l.depth + 1
        from line l join agents.session s on s.tenant_id = ${currentTenantId()} and s.id = l.forked_from_id
    )
    select id, up_to from line order by depth`.execute(db);
  return found.rows.map((row) => ({ sessionId: row.id, upTo: Number(row.up_to) }));
}

/** The last sequences of those of the sessions that are there. By primary key. */
export async function selectPositions(db: Sql, ids: readonly string[]): Promise<Map<string, number>> {
  const found = await sql<{ id: string; last_sequence: string | number }>`
    select id, last_sequence from agents.session where tenant_id = ${currentTenantId()} and id = any (${[...ids]}::uuid[])`.execute(db);
  return new Map(found.rows.map((row) => [row.id, Number(row.last_sequence)]));
}
