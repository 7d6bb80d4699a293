import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode, wrap } from '@mikro-orm/postgresql';
import { currentTenantId, decodeCursor, isForeignKeyViolation, NotFound, pageOf, requireUuid, tenantRead, tenantSql, transactional, type Page, type PageRequest } from '@agent-hive/kernel';
import { agentExists } from '../agent/agent.sql.js';
import { Agent } from '../agent/agent.entity.js';
import { AssignedAgentDto, AssignedMcpServerDto, type McpServerAssignmentQuery, type PutMcpServerAssignmentDto } from './mcp-server-assignment.dto.js';
import { McpServerAssignment } from './mcp-server-assignment.entity.js';
import { countAssignments, mcpServerExists, selectAssignedAgents, selectAssignedServer, selectAssignedServers, type AssignmentPage } from './mcp-server-assignment.sql.js';
import { McpServer } from './mcp-server.entity.js';

/** Which agent may use which MCP server, and how configured. */
@Injectable()
export class McpServerAssignmentsService {
  constructor(private readonly em: EntityManager) {}

  /** A page of an agent's servers, newest server first. Throws NotFound on the agent. */
  async list(agentId: string, query: McpServerAssignmentQuery): Promise<Page<AssignedMcpServerDto>> {
    return tenantRead(this.em, async (db) => {
      const rows = await selectAssignedServers(db, agentId, pageStart(query));
      if (rows.length === 0 && !(await agentExists(db, agentId))) throw new NotFound('agent', agentId);
      const page: Page<AssignedMcpServerDto> = pageOf(rows, query.limit, (row) => [row.server_id], (row) => AssignedMcpServerDto.of(row));
      if (query.total) page.total = await countAssignments(db, { agentId });
      return page;
    });
  }

  /** A page of a server's agents, newest agent first. Throws NotFound on the server. */
  async listAgents(serverId: string, query: McpServerAssignmentQuery): Promise<Page<AssignedAgentDto>> {
    return tenantRead(this.em, async (db) => {
      const rows = await selectAssignedAgents(db, serverId, pageStart(query));
      if (rows.length === 0 && !(await mcpServerExists(db, serverId))) throw new NotFound('MCP server', serverId);
      const page: Page<AssignedAgentDto> = pageOf(rows, query.limit, (row) => [row.agent_id], (row) => AssignedAgentDto.of(row));
      if (query.total) page.total = await countAssignments(db, { serverId });
      return page;
    });
  }

  /** Assigns an agent a server, or replaces the assignment that it has. Throws NotFound on agent or server. */
  async upsert(agentId: string, serverId: string, input: PutMcpServerAssignmentDto): Promise<{ assignment: AssignedMcpServerDto; created: boolean }> {
    const values = { configuration: input.configuration ?? {} };
    return transactional(this.em, async (em) => {
      const tenantId = currentTenantId();
      // Writers of one agent's assignments take turns, so that of two first ones the second changes what the first made.
      const agent = await em.findOne(Agent, { tenantId, id: agentId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (!agent) throw new NotFound('agent', agentId);
      const server = await em.findOne(McpServer, { tenantId, id: serverId });
      if (!server) throw new NotFound('MCP server', serverId);
      const found = await em.findOne(McpServerAssignment, { tenantId, agent, server });
      if (found) wrap(found).assign(values, { merge: false, mergeObjectProperties: false });
      else em.create(McpServerAssignment, { ...values, agent, server });
      try {
        await em.flush();
      } catch (error) {
        if (isForeignKeyViolation(error)) throw new NotFound('MCP server', serverId);
        throw error;
      }
      const row = await tenantSql(em, (db) => selectAssignedServer(db, agentId, serverId));
      return { assignment: AssignedMcpServerDto.of(row!), created: !found };
    });
  }

  /** Takes an assignment back. Throws NotFound. */
  async delete(agentId: string, serverId: string): Promise<void> {
    await transactional(this.em, async (em) => {
      const tenantId = currentTenantId();
      const assignment = await em.findOne(McpServerAssignment, { tenantId, agent: [tenantId, agentId], server: [tenantId, serverId] });
      if (!assignment) throw new NotFound('MCP server assignment', `${agentId}/${serverId}`);
      await em.remove(assignment).flush();
    });
  }
}

function pageStart(query: PageRequest): AssignmentPage {
  const after = decodeCursor(query.cursor, 1)?.[0];
  return { limit: query.limit + 1, ...(after !== undefined && { before: requireUuid(String(after), 'cursor') }) };
}
