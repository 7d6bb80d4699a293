import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { GrantedToolRow } from './granted-tool.dto.js';
import type { GrantedAgentRow } from './tool-grant.dto.js';

/** Which grants a list shows, and where its page begins. */
export interface GrantSelection {
  /** Grants that end at this moment or earlier are left out; null shows all. */
  validAt: Date | null;
  limit: number;
  /** Id of the last row of the page before. */
  before?: string;
}

const valid = ({ validAt }: GrantSelection): RawBuilder<unknown> => (validAt === null ? sql`` : sql`and (g.expires_at is null or g.expires_at > ${validAt})`);

const TOOL_COLUMNS = sql`t.id as tool_id, t.name, t.tool_version, t.description, t.schema, t.source, t.security_level, t.mcp_server_id,
  g.configuration, g.permissions, g.expires_at, g.created_at as granted_at`;

const WITH_TOOL = sql`agents.tool_grant g join agents.tool t on t.tenant_id = g.tenant_id and t.id = g.tool_id`;

/** One grant with its tool, by primary key. */
export async function selectGrantedTool(db: Sql, agentId: string, toolId: string): Promise<GrantedToolRow | undefined> {
  const found = await sql<GrantedToolRow>`
    select ${TOOL_COLUMNS} from ${WITH_TOOL} where g.tenant_id = ${currentTenantId()} and g.agent_id = ${agentId} and g.tool_id = ${toolId}`.execute(db);
  return found.rows[0];
}

/** Keeps others from granting an agent tools until the transaction ends; what refers to the agent goes on. By primary key. */
export async function lockGrantsOf(db: Sql, agentId: string): Promise<void> {
  await sql`select from agents.agent where tenant_id = ${currentTenantId()} and id = ${agentId} for no key update`.execute(db);
}

/** A page of an agent's grants by tool, newest tool first: the primary key backwards. */
export async function selectGrantedTools(db: Sql, agentId: string, selection: GrantSelection): Promise<GrantedToolRow[]> {
  const keyset = selection.before === undefined ? sql`` : sql`and g.tool_id < ${selection.before}::uuid`;
  const found = await sql<GrantedToolRow>`
    select ${TOOL_COLUMNS} from ${WITH_TOOL}
     where g.tenant_id = ${currentTenantId()} and g.agent_id = ${agentId} ${valid(selection)} ${keyset}
     order by g.tool_id desc limit ${selection.limit}`.execute(db);
  return found.rows;
}

/** A page of a tool's grants by agent, newest agent first: tool_grant_tool_index backwards. */
export async function selectGrantedAgents(db: Sql, toolId: string, selection: GrantSelection): Promise<GrantedAgentRow[]> {
  const keyset = selection.before === undefined ? sql`` : sql`and g.agent_id < ${selection.before}::uuid`;
  const found = await sql<GrantedAgentRow>`
    select g.agent_id, a.name as agent_name, g.configuration, g.permissions, g.expires_at, g.created_at as granted_at
      from agents.tool_grant g join agents.agent a on a.tenant_id = g.tenant_id and a.id = g.agent_id
     where g.tenant_id = ${currentTenantId()} and g.tool_id = ${toolId} ${valid(selection)} ${keyset}
     order by g.agent_id desc limit ${selection.limit}`.execute(db);
  return found.rows;
}

/** How many grants an agent has, or there are on a tool, whatever the page. */
export async function countGrants(db: Sql, of: { agentId: string } | { toolId: string }, selection: GrantSelection): Promise<number> {
  const owner = 'agentId' in of ? sql`g.agent_id = ${of.agentId}` : sql`g.tool_id = ${of.toolId}`;
  const found = await sql<{ count: string }>`
    select count(*) as count from agents.tool_grant g where g.tenant_id = ${currentTenantId()} and ${owner} ${valid(selection)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** Whether the running tenant has the tool. */
export async function toolExists(db: Sql, id: string): Promise<boolean> {
  const found = await sql`select 1 from agents.tool where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db);
  return found.rows.length === 1;
}
