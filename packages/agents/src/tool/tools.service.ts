import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode, wrap } from '@mikro-orm/postgresql';
import { currentTenantId, decodeCursor, isForeignKeyViolation, isUniqueViolation, NotFound, pageOf, Refused, requireUuid, Stale, transactional, type Page } from '@agent-hive/kernel';
import { McpServer } from '../mcp-server/mcp-server.entity.js';
import { requireJsonSchema } from './json-schema.js';
import { ToolGrant } from './tool-grant.entity.js';
import { ToolDto, type CreateToolDto, type ToolQuery, type UpdateToolDto } from './tool.dto.js';
import { Tool } from './tool.entity.js';

/** The catalogue of tools. A registered version keeps its name, version and schema for life, since grants rely on them. */
@Injectable()
export class ToolsService {
  constructor(private readonly em: EntityManager) {}

  /** One version of a tool. Throws NotFound. */
  async get(id: string): Promise<ToolDto> {
    return ToolDto.of(await this.load(this.em, id, null));
  }

  /** A page of tools, newest first; by name served by tool_name_version_unique, by server by tool_mcp_server_index. */
  async list(query: ToolQuery): Promise<Page<ToolDto>> {
    const tenantId = currentTenantId();
    const after = decodeCursor(query.cursor, 1)?.[0];
    const where = {
      tenantId,
      ...(query.name !== undefined && { name: query.name }),
      ...(query.mcpServerId !== undefined && { mcpServer: [tenantId, query.mcpServerId] as [string, string] }),
    };
    const keyset = after === undefined ? where : { ...where, id: { $lt: requireUuid(String(after), 'cursor') } };
    const tools = await this.em.find(Tool, keyset, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    const page: Page<ToolDto> = pageOf(tools, query.limit, (tool) => [tool.id], (tool) => ToolDto.of(tool));
    if (query.total) page.total = await this.em.count(Tool, where);
    return page;
  }

  /** Registers a version of a tool. Throws Invalid on the schema, NotFound on the server, Refused when name and version are taken. */
  async create(input: CreateToolDto): Promise<ToolDto> {
    requireJsonSchema(input.schema);
    return transactional(this.em, async (em) => {
      const tool = em.create(Tool, {
        name: input.name,
        toolVersion: input.version,
        description: input.description ?? null,
        schema: input.schema,
        source: input.source ?? null,
        securityLevel: input.securityLevel ?? 'low',
        mcpServer: input.mcpServerId == null ? null : await this.server(em, input.mcpServerId),
        toolMetadata: input.toolMetadata ?? {},
        registeredAt: new Date(),
      });
      try {
        await em.flush();
      } catch (error) {
        if (isUniqueViolation(error)) throw new Refused(`Tool ${input.name} ${input.version} is registered: register a changed schema as another version`, 'conflict');
        if (isForeignKeyViolation(error)) throw new NotFound('MCP server', String(input.mcpServerId));
        throw error;
      }
      return ToolDto.of(tool);
    });
  }

  /** Changes what may change of a version that is still at the revision (any, when null). Throws NotFound or Stale. */
  async update(id: string, input: UpdateToolDto, revision: number | null): Promise<ToolDto> {
    return transactional(this.em, async (em) => {
      const tool = await this.load(em, id, revision);
      wrap(tool).assign(input, { ignoreUndefined: true, merge: false, mergeObjectProperties: false });
      await em.flush();
      return ToolDto.of(tool);
    });
  }

  /** Takes a version out of the catalogue. Throws NotFound, Stale, or Refused while agents have grants on it, expired ones included. */
  async delete(id: string, revision: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      // The lock waits for grants being written and keeps new ones out, so the count is the truth.
      const tool = await this.load(em, id, revision, LockMode.PESSIMISTIC_WRITE);
      const count = await em.count(ToolGrant, { tenantId: tool.tenantId, tool });
      if (count > 0) throw new Refused(`${count} grants on tool ${id} exist (GET /v1/tools/${id}/agents?includeExpired=true): take them back first`, 'in-use', { counts: { 'agents.tool_grant': count } });
      await em.remove(tool).flush();
    });
  }

  private async load(em: EntityManager, id: string, revision: number | null, lockMode?: LockMode.PESSIMISTIC_WRITE): Promise<Tool> {
    const tool = await em.findOne(Tool, { tenantId: currentTenantId(), id }, { lockMode });
    if (!tool) throw new NotFound('tool', id);
    if (revision !== null && tool.version !== revision) throw new Stale('tool', id);
    return tool;
  }

  private async server(em: EntityManager, id: string): Promise<McpServer> {
    const server = await em.findOne(McpServer, { tenantId: currentTenantId(), id });
    if (!server) throw new NotFound('MCP server', id);
    return server;
  }
}
