import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { CreateMcpServerDto, McpServerDto, McpServerPage, McpServerQuery, UpdateMcpServerDto } from './mcp-server.dto.js';
import { McpServersService } from './mcp-servers.service.js';

@ApiTags('mcp-servers')
@Controller('v1/mcp-servers')
export class McpServersController {
  constructor(private readonly servers: McpServersService) {}

  /** Registers an MCP server. */
  @Post()
  @Access('mcp-servers:write', { etag: true, location: '/v1/mcp-servers' })
  create(@Body() input: CreateMcpServerDto): Promise<McpServerDto> {
    return this.servers.create(input);
  }

  /** Lists MCP servers, newest first. */
  @Get()
  @Access('mcp-servers:read')
  list(@Query() query: McpServerQuery): Promise<McpServerPage> {
    return this.servers.list(query);
  }

  /** Reads an MCP server; values of environment and headers are masked. */
  @Get(':id')
  @Access('mcp-servers:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<McpServerDto> {
    return this.servers.get(id);
  }

  /** Changes an MCP server. */
  @Patch(':id')
  @Access('mcp-servers:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateMcpServerDto, @IfMatch() version: number | null): Promise<McpServerDto> {
    return this.servers.update(id, input, version);
  }

  /** Deletes an MCP server that no agent is assigned and no tool comes from. */
  @Delete(':id')
  @HttpCode(204)
  @Access('mcp-servers:write', { ifMatch: true })
  delete(@Param('id', IdPipe) id: string, @IfMatch() version: number | null): Promise<void> {
    return this.servers.delete(id, version);
  }
}
