import { Injectable } from '@nestjs/common';
import { EntityManager, wrap } from '@mikro-orm/postgresql';
import { currentTenantId, decodeCursor, Invalid, isForeignKeyViolation, NotFound, pageOf, requireUuid, tenantRead, tenantSql, tenantStatement, transactional, type Page } from '@agent-hive/kernel';
import { agentExists } from '../agent/agent.sql.js';
import { AgentsHooks } from '../agents.hooks.js';
import { Agent } from '../agent/agent.entity.js';
import { GrantedToolDto } from './granted-tool.dto.js';
import { GrantedAgentDto, type PutToolGrantDto, type ToolGrantQuery } from './tool-grant.dto.js';
import { ToolGrant } from './tool-grant.entity.js';
import { countGrants, lockGrantsOf, selectGrantedAgents, selectGrantedTool, selectGrantedTools, toolExists, type GrantSelection } from './tool-grant.sql.js';
import { Tool } from './tool.entity.js';

/** Whether an agent may call a tool: it may, it may no more, or it never got the right. */
export type GrantState = 'valid' | 'expired' | 'none';

/** Which agent may call which tool, how configured, and until when. */
@Injectable()
export class ToolGrantsService {
  constructor(
    private readonly em: EntityManager,
    private readonly hooks: AgentsHooks,
  ) {}

  /** Whether the agent may call the tool at this moment; `none` for ids that are not there, too. */
  async check(agentId: string, toolId: string, at = new Date()): Promise<GrantState> {
    const row = await tenantStatement(this.em, (db) => selectGrantedTool(db, agentId, toolId));
    if (!row) return 'none';
    return row.expires_at === null || new Date(row.expires_at) > at ? 'valid' : 'expired';
  }

  /** A page of the tools that an agent may call, newest tool first. Throws NotFound on the agent. */
  async list(agentId: string, query: ToolGrantQuery): Promise<Page<GrantedToolDto>> {
    return tenantRead(this.em, async (db) => {
      const selection = selectionOf(query);
      const rows = await selectGrantedTools(db, agentId, selection);
      if (rows.length === 0 && !(await agentExists(db, agentId))) throw new NotFound('agent', agentId);
      const page: Page<GrantedToolDto> = pageOf(rows, query.limit, (row) => [row.tool_id], (row) => GrantedToolDto.of(row));
      if (query.total) page.total = await countGrants(db, { agentId }, selection);
      return page;
    });
  }

  /** A page of the agents that may call a tool, newest agent first. Throws NotFound on the tool. */
  async listAgents(toolId: string, query: ToolGrantQuery): Promise<Page<GrantedAgentDto>> {
    return tenantRead(this.em, async (db) => {
      const selection = selectionOf(query);
      const rows = await selectGrantedAgents(db, toolId, selection);
      if (rows.length === 0 && !(await toolExists(db, toolId))) throw new NotFound('tool', toolId);
      const page: Page<GrantedAgentDto> = pageOf(rows, query.limit, (row) => [row.agent_id], (row) => GrantedAgentDto.of(row));
      if (query.total) page.total = await countGrants(db, { toolId }, selection);
      return page;
    });
  }

  /** Grants an agent a tool, or replaces the grant that it has. Throws Invalid on the end, NotFound on agent or tool, Refused when an agent takes a tool above its trust. */
  async upsert(agentId: string, toolId: string, input: PutToolGrantDto): Promise<{ grant: GrantedToolDto; created: boolean }> {
    const values = { configuration: input.configuration ?? {}, permissions: input.permissions ?? [], expiresAt: future(input.expiresAt) };
    return transactional(this.em, async (em) => {
      const tenantId = currentTenantId();
      // Writers of one agent's grants take turns, so that of two first ones the second changes what the first made.
      await tenantSql(em, (db) => lockGrantsOf(db, agentId));
      const agent = await em.findOne(Agent, { tenantId, id: agentId });
      if (!agent) throw new NotFound('agent', agentId);
      const tool = await em.findOne(Tool, { tenantId, id: toolId });
      if (!tool) throw new NotFound('tool', toolId);
      await this.hooks.toolGranted.run(em, { agentId: agent.id, toolId: tool.id, securityLevel: tool.securityLevel });
      const found = await em.findOne(ToolGrant, { tenantId, agent, tool });
      if (found) wrap(found).assign(values, { merge: false, mergeObjectProperties: false });
      else em.create(ToolGrant, { ...values, agent, tool });
      try {
        await em.flush();
      } catch (error) {
        if (isForeignKeyViolation(error)) throw new NotFound('tool', toolId);
        throw error;
      }
      const row = await tenantSql(em, (db) => selectGrantedTool(db, agentId, toolId));
      return { grant: GrantedToolDto.of(row!), created: !found };
    });
  }

  /** Takes a grant back. Throws NotFound. */
  async delete(agentId: string, toolId: string): Promise<void> {
    await transactional(this.em, async (em) => {
      const tenantId = currentTenantId();
      const grant = await em.findOne(ToolGrant, { tenantId, agent: [tenantId, agentId], tool: [tenantId, toolId] });
      if (!grant) throw new NotFound('tool grant', `${agentId}/${toolId}`);
      await em.remove(grant).flush();
    });
  }
}

function selectionOf(query: ToolGrantQuery): GrantSelection {
  const after = decodeCursor(query.cursor, 1)?.[0];
  return {
    validAt: query.includeExpired ? null : new Date(),
    limit: query.limit + 1,
    ...(after !== undefined && { before: requireUuid(String(after), 'cursor') }),
  };
}

/** The end of a grant; null when it has none. Throws Invalid on one that is not in the future. */
function future(expiresAt: string | null | undefined): Date | null {
  if (expiresAt == null) return null;
  const at = new Date(expiresAt);
  if (at.getTime() > Date.now()) return at;
  throw new Invalid('expiresAt must be in the future: take a grant back by DELETE', [{ pointer: '/expiresAt', message: 'expiresAt must be in the future' }]);
}
