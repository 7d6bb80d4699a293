import { currentTenantId, idFloor, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { EntryQuery, EntryRow } from './entry.dto.js';

/** A page of entries newest first, with one row more, by the index of what is asked for: subject, actor, agent, session, action or risk. `from` and `to` bound the ids, so only their months are read. */
export async function selectEntries(db: Sql, query: EntryQuery, before: string | undefined): Promise<EntryRow[]> {
  const beyond = before === undefined ? sql`` : sql`and id < ${before}::uuid`;
  const found = await sql<EntryRow>`select * from audit.entry where ${conditions(query)} ${beyond} order by id desc limit ${query.limit + 1}`.execute(db);
  return found.rows;
}

/** How many entries match. */
export async function countEntries(db: Sql, query: EntryQuery): Promise<number> {
  const counted = await sql<{ count: string }>`select count(*) as count from audit.entry where ${conditions(query)}`.execute(db);
  return Number(counted.rows[0]!.count);
}

function conditions(query: EntryQuery): RawBuilder<unknown> {
  const all = [sql`tenant_id = ${currentTenantId()}`];
  if (query.subjectType !== undefined) all.push(sql`subject_type = ${query.subjectType}`);
  if (query.subjectId !== undefined) all.push(sql`subject_id = ${query.subjectId}`);
  if (query.actorId !== undefined) all.push(sql`actor_id = ${query.actorId}`);
  if (query.agentId !== undefined) all.push(sql`agent_id = ${query.agentId}`);
  if (query.sessionId !== undefined) all.push(sql`session_id = ${query.sessionId}`);
  if (query.risk !== undefined) all.push(sql`risk = ${query.risk}`);
  if (query.action?.endsWith('.*')) all.push(sql`starts_with(action, ${query.action.slice(0, -1)})`);
  else if (query.action !== undefined) all.push(sql`action = ${query.action}`);
  if (query.from !== undefined) all.push(sql`id >= ${idFloor(new Date(query.from))}::uuid`);
  if (query.to !== undefined) all.push(sql`id < ${idFloor(new Date(query.to))}::uuid`);
  return sql.join(all, sql` and `);
}
