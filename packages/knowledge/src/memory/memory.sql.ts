import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { MemoryQuery, MemoryRow } from './memory.dto.js';
import type { Viewer } from './visibility.js';

const COLUMNS = sql`m.id, m.agent_id, m.user_id, m.name, m.knowledge_type, m.domain, m.content, m.read_mode, m.access, m.valid_from, m.valid_until, m.expires_at, m.supersedes_id, m.lineage_id,
  m.usage_count, m.helpful_count, m.last_used_at, m.created_at, m.updated_at, m.version`;

/** Writes a memory and its entry. Breaks a foreign key where there is no such agent or user, and memory_successor_unique where the one before has a successor. */
export async function insertMemory(db: Sql, row: MemoryRow): Promise<void> {
  const { id, agent_id: agentId, user_id: userId, name, knowledge_type: knowledgeType, domain, content, read_mode: readMode, access } = row;
  const newState = {
    agentId, userId, name, knowledgeType, domain, content, readMode, access, validFrom: row.valid_from, expiresAt: row.expires_at, supersedesId: row.supersedes_id, lineageId: row.lineage_id,
  };
  await sql`
    with entry as (${insertEntry({ action: 'memory.created', subjectType: 'memory', subjectId: id, agentId, newState })})
    insert into knowledge.memory (tenant_id, id, agent_id, user_id, name, knowledge_type, domain, content, read_mode, access, valid_from, expires_at, supersedes_id, lineage_id, created_at, updated_at, version)
    values (${currentTenantId()}, ${id}, ${agentId}, ${userId}, ${name}, ${knowledgeType}, ${domain}, ${JSON.stringify(content)}, ${readMode}, ${access}, ${row.valid_from}, ${row.expires_at},
            ${row.supersedes_id}, ${row.lineage_id}, ${row.created_at}, ${row.updated_at}, 1)`.execute(db);
}

/** Ends the validity of a memory whose successor begins, with its entry. Under its lock. */
export async function endValidity(db: Sql, { id, agent_id: agentId }: MemoryRow, successorId: string, validUntil: Date, now: Date): Promise<void> {
  const entry = insertEntry({ action: 'memory.superseded', subjectType: 'memory', subjectId: id, agentId, previousState: { validUntil: null }, newState: { validUntil, successorId } });
  await sql`
    with entry as (${entry})
    update knowledge.memory set valid_until = ${validUntil}, updated_at = ${now}, version = version + 1 where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db);
}

/** One memory by primary key. */
export async function selectMemory(db: Sql, id: string): Promise<MemoryRow | undefined> {
  const found = await sql<MemoryRow>`select ${COLUMNS} from knowledge.memory m where m.tenant_id = ${currentTenantId()} and m.id = ${id}`.execute(db);
  return found.rows[0];
}

/** One memory that nobody else changes until the transaction ends. */
export async function lockMemory(db: Sql, id: string): Promise<MemoryRow | undefined> {
  const found = await sql<MemoryRow>`select ${COLUMNS} from knowledge.memory m where m.tenant_id = ${currentTenantId()} and m.id = ${id} for no key update`.execute(db);
  return found.rows[0];
}

function conditions(query: MemoryQuery, viewer: Viewer): RawBuilder<unknown> {
  const all = [sql`m.tenant_id = ${currentTenantId()}`];
  if (viewer.agentId !== null) all.push(ofAgent(viewer.agentId));
  if (viewer.userId !== null) all.push(sql`(m.user_id is null or m.user_id = ${viewer.userId})`);
  if (query.agentId !== undefined) all.push(ofAgent(query.agentId));
  if (query.userId !== undefined) all.push(sql`m.user_id = ${query.userId}`);
  if (query.knowledgeType !== undefined) all.push(sql`m.knowledge_type = ${query.knowledgeType}`);
  if (query.domain !== undefined) all.push(sql`m.domain = ${query.domain}`);
  if (query.readMode !== undefined) all.push(sql`m.read_mode = ${query.readMode}`);
  if (query.lineageId !== undefined) all.push(sql`m.lineage_id = (select of.lineage_id from knowledge.memory of where of.tenant_id = ${currentTenantId()} and of.id = ${query.lineageId})`);
  if (query.asOf !== undefined) {
    const at = new Date(query.asOf);
    all.push(sql`m.valid_from <= ${at} and (m.valid_until is null or m.valid_until > ${at}) and (m.expires_at is null or m.expires_at > ${at})`);
  }
  return sql.join(all, sql` and `);
}

const ofAgent = (agentId: string): RawBuilder<unknown> => sql`(m.agent_id = ${agentId} or (m.agent_id is null and m.user_id is null))`;

/** A page of memories, newest first, with one more than it holds. Indexes of agent, user, domain, type and chain end in the id. */
export async function selectMemories(db: Sql, query: MemoryQuery, viewer: Viewer, before: string | undefined): Promise<MemoryRow[]> {
  const older = before === undefined ? sql`true` : sql`m.id < ${before}::uuid`;
  const found = await sql<MemoryRow>`select ${COLUMNS} from knowledge.memory m where ${conditions(query, viewer)} and ${older} order by m.id desc limit ${query.limit + 1}`.execute(db);
  return found.rows;
}

/** How many memories match, whatever the page. */
export async function countMemories(db: Sql, query: MemoryQuery, viewer: Viewer): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from knowledge.memory m where ${conditions(query, viewer)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** How many memories an agent has. Served by memory_agent_index. */
export async function countMemoriesOfAgent(db: Sql, agentId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from knowledge.memory where tenant_id = ${currentTenantId()} and agent_id = ${agentId}`.execute(db);
  return Number(found.rows[0]?.count ?? 0);
}

/**
 * Deletes what is known of a user who is about to be deleted: without its user a memory would be its agent's, or everybody's. The
 * record keeps how many there were. Served by memory_user_index.
 */
export async function deleteMemoriesOfUser(db: Sql, userId: string): Promise<void> {
  const entry = insertEntry({ action: 'memory.cascaded', subjectType: 'user', subjectId: userId }, 'told', { newState: sql`jsonb_build_object('memories', told.count)` });
  await sql`
    with gone as (delete from knowledge.memory where tenant_id = ${currentTenantId()} and user_id = ${userId} returning id),
    told as (select count(*) as count from gone having count(*) > 0)
    ${entry}`.execute(db);
}

/** A row whose id names its own chain, unless it goes on with one. */
export function newMemory(row: Omit<MemoryRow, 'id' | 'lineage_id' | 'valid_until' | 'usage_count' | 'helpful_count' | 'last_used_at' | 'created_at' | 'updated_at' | 'version'>, before: MemoryRow | null, now: Date): MemoryRow {
  const id = newId();
  return { ...row, id, lineage_id: before?.lineage_id ?? id, valid_until: null, usage_count: 0, helpful_count: 0, last_used_at: null, created_at: now, updated_at: now, version: 1 };
}
