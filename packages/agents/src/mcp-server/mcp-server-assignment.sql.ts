import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { AssignedAgentRow, AssignedMcpServerRow } from './mcp-server-assignment.dto.js';

/** Where a page begins, after the row of an id, and how many rows it reads. */
export interface AssignmentPage {
  limit: number;
  before?: string;
}

const SERVER_COLUMNS = sql`s.id as server_id, s.name, s.description, s.transport, s.is_enabled, x.configuration, x.created_at as assigned_at`;

const WITH_SERVER = sql`agents.mcp_server_assignment x join agents.mcp_server s on s.tenant_id = x.tenant_id and s.id = x.server_id`;

/** One assignment with its server, by primary key. */
export async function selectAssignedServer(db: Sql, agentId: string, serverId: string): Promise<AssignedMcpServerRow | undefined> {
  const found = await sql<AssignedMcpServerRow>`
    select ${SERVER_COLUMNS} from ${WITH_SERVER} where x.tenant_id = ${currentTenantId()} and x.agent_id = ${agentId} and x.server_id = ${serverId}`.execute(db);
  return found.rows[0];
}

/** A page of an agent's servers, newest server first: the primary key backwards. */
export async function selectAssignedServers(db: Sql, agentId: string, page: AssignmentPage): Promise<AssignedMcpServerRow[]> {
  const keyset = page.before === undefined ? sql`` : sql`and x.server_id < ${page.before}::uuid`;
  const found = await sql<AssignedMcpServerRow>`
    select ${SERVER_COLUMNS} from ${WITH_SERVER} where x.tenant_id = ${currentTenantId()} and x.agent_id = ${agentId} ${keyset}
     order by x.server_id desc limit ${page.limit}`.execute(db);
  return found.rows;
}

/** A page of a server's agents, newest agent first: mcp_server_assignment_server_index backwards. */
export async function selectAssignedAgents(db: Sql, serverId: string, page: AssignmentPage): Promise<AssignedAgentRow[]> {
  const keyset = page.before === undefined ? sql`` : sql`and x.agent_id < ${page.before}::uuid`;
  const found = await sql<AssignedAgentRow>`
    select x.agent_id, a.name as agent_name, x.configuration, x.created_at as assigned_at
      from agents.mcp_server_assignment x join agents.agent a on a.tenant_id = x.tenant_id and a.id = x.agent_id
     where x.tenant_id = ${currentTenantId()} and x.server_id = ${serverId} ${keyset}
     order by x.agent_id desc limit ${page.limit}`.execute(db);
  return found.rows;
}

/** How many assignments an agent or a server has. */
export async function countAssignments(db: Sql, of: { agentId: string } | { serverId: string }): Promise<number> {
  const owner = 'agentId' in of ? sql`agent_id = ${of.agentId}` : sql`server_id = ${of.serverId}`;
  const found = await sql<{ count: string }>`
    select count(*) as count from agents.mcp_server_assignment where tenant_id = ${currentTenantId()} and ${owner}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** Whether the running tenant has the server. */
export async function mcpServerExists(db: Sql, id: string): Promise<boolean> {
  const found = await sql`select 1 from agents.mcp_server where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db);
  return found.rows.length === 1;
}
