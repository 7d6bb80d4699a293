import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode, wrap } from '@mikro-orm/postgresql';
import { currentTenantId, decodeCursor, isUniqueViolation, NotFound, pageOf, Refused, requireUuid, Stale, transactional, type Page } from '@agent-hive/kernel';
import { Tool } from '../tool/tool.entity.js';
import { McpServerAssignment } from './mcp-server-assignment.entity.js';
import { MASK, requireForm, requireSameRecipient, unmasked, type McpServerForm } from './mcp-server-form.js';
import { McpServerDto, type CreateMcpServerDto, type McpServerQuery, type UpdateMcpServerDto } from './mcp-server.dto.js';
import { McpServer } from './mcp-server.entity.js';

/** The MCP servers that agents of a tenant may use. Values of environment and headers go in and never come out. */
@Injectable()
export class McpServersService {
  constructor(private readonly em: EntityManager) {}

  /** One server. Throws NotFound. */
  async get(id: string): Promise<McpServerDto> {
    return McpServerDto.of(await this.load(this.em, id, null));
  }

  /** A page of servers, newest first. */
  async list(query: McpServerQuery): Promise<Page<McpServerDto>> {
    const after = decodeCursor(query.cursor, 1)?.[0];
    const where = { tenantId: currentTenantId(), ...(query.name !== undefined && { name: query.name }) };
    const keyset = after === undefined ? where : { ...where, id: { $lt: requireUuid(String(after), 'cursor') } };
    const servers = await this.em.find(McpServer, keyset, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    const page: Page<McpServerDto> = pageOf(servers, query.limit, (server) => [server.id], (server) => McpServerDto.of(server));
    if (query.total) page.total = await this.em.count(McpServer, where);
    return page;
  }

  /** Registers a server. Throws Invalid on its form, Refused when the name is taken. */
  async create(input: CreateMcpServerDto): Promise<McpServerDto> {
    const form = formOf(input, EMPTY);
    return transactional(this.em, async (em) => {
      const rest = { name: input.name, description: input.description ?? null, timeoutMs: input.timeoutMs ?? 30_000, isEnabled: input.isEnabled ?? true };
      const server = em.create(McpServer, { ...form, ...rest });
      await this.flush(em, input.name);
      return McpServerDto.of(server);
    });
  }

  /** Changes a server that is still at the version (any, when null). Throws NotFound, Stale, Invalid on the resulting form, Refused when the name is taken. */
  async update(id: string, input: UpdateMcpServerDto, version: number | null): Promise<McpServerDto> {
    return transactional(this.em, async (em) => {
      const server = await this.load(em, id, version);
      const { name, description, timeoutMs, isEnabled } = input;
      const values = { ...formOf(input, server), name, description, timeoutMs, isEnabled };
      wrap(server).assign(values, { ignoreUndefined: true, merge: false, mergeObjectProperties: false });
      await this.flush(em, server.name);
      return McpServerDto.of(server);
    });
  }

  /** Deletes a server. Throws NotFound, Stale, or Refused while agents or tools refer to it. */
  async delete(id: string, version: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      // The lock waits for assignments and tools being written and keeps new ones out, so the counts are the truth.
      const server = await this.load(em, id, version, LockMode.PESSIMISTIC_WRITE);
      const { tenantId } = server;
      const assignments = await em.count(McpServerAssignment, { tenantId, server });
      const tools = await em.count(Tool, { tenantId, mcpServer: server });
      if (assignments + tools > 0) {
        const counts = { 'agents.mcp_server_assignment': assignments, 'agents.tool': tools };
        throw new Refused(`MCP server ${id} is assigned to ${assignments} agents and offers ${tools} tools: remove those first`, 'in-use', { counts });
      }
      await em.remove(server).flush();
    });
  }

  private async load(em: EntityManager, id: string, version: number | null, lockMode?: LockMode.PESSIMISTIC_WRITE): Promise<McpServer> {
    const server = await em.findOne(McpServer, { tenantId: currentTenantId(), id }, { lockMode });
    if (!server) throw new NotFound('MCP server', id);
    if (version !== null && server.version !== version) throw new Stale('MCP server', id);
    return server;
  }

  private async flush(em: EntityManager, name: string): Promise<void> {
    try {
      await em.flush();
    } catch (error) {
      if (isUniqueViolation(error)) throw new Refused(`An MCP server named ${name} exists`, 'conflict');
      throw error;
    }
  }
}

type StoredForm = { [K in keyof McpServerForm]: McpServerForm[K] | undefined };

const EMPTY: StoredForm = { transport: undefined, command: null, args: [], env: {}, url: null, headers: {} };

/** The form that results from what is sent over what is stored. Throws Invalid when it is none. */
function formOf(sent: UpdateMcpServerDto, stored: StoredForm | McpServer): McpServerForm {
  const form = {
    transport: (sent.transport ?? stored.transport)!,
    command: (sent.command === undefined ? stored.command : sent.command) ?? null,
    args: sent.args ?? stored.args ?? [],
    env: sent.env === undefined ? (stored.env ?? {}) : unmasked('env', sent.env, stored.env ?? {}),
    url: (sent.url === undefined ? stored.url : sent.url) ?? null,
    headers: sent.headers === undefined ? (stored.headers ?? {}) : unmasked('headers', sent.headers, stored.headers ?? {}),
  };
  requireForm(form);
  const kept = (field: 'env' | 'headers') => Object.keys(form[field]).filter((name) => Object.hasOwn(stored[field] ?? {}, name) && (sent[field]?.[name] ?? MASK) === MASK);
  requireSameRecipient({ command: stored.command ?? null, args: stored.args ?? [], url: stored.url ?? null }, form, { env: kept('env'), headers: kept('headers') });
  return form;
}
