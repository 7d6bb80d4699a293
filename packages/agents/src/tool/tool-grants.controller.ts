import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { GrantedToolDto } from './granted-tool.dto.js';
import { GrantedAgentPage, GrantedToolPage, PutToolGrantDto, ToolGrantQuery } from './tool-grant.dto.js';
import { ToolGrantsService } from './tool-grants.service.js';

@ApiTags('tools')
@Controller('v1')
export class ToolGrantsController {
  constructor(private readonly grants: ToolGrantsService) {}

  /** Lists the tools that an agent has a grant on, the newest tool first. */
  @Get('agents/:id/tools')
  @Access('agents:read')
  list(@Param('id', IdPipe) id: string, @Query() query: ToolGrantQuery): Promise<GrantedToolPage> {
    return this.grants.list(id, query);
  }

  /** Lists the agents that have a grant on a tool, the newest agent first. */
  @Get('tools/:id/agents')
  @Access('agents:read')
  listAgents(@Param('id', IdPipe) id: string, @Query() query: ToolGrantQuery): Promise<GrantedAgentPage> {
    return this.grants.listAgents(id, query);
  }

  /** Grants an agent a tool, or replaces the grant that it has. */
  @Put('agents/:id/tools/:toolId')
  @Access('agents:write')
  @ApiOkResponse({ type: GrantedToolDto })
  @ApiCreatedResponse({ type: GrantedToolDto })
  async upsert(
    @Param('id', IdPipe) id: string,
    @Param('toolId', IdPipe) toolId: string,
    @Body() input: PutToolGrantDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GrantedToolDto> {
    const { grant, created } = await this.grants.upsert(id, toolId, input);
    if (created) void reply.code(201);
    return grant;
  }

  /** Takes a grant back. */
  @Delete('agents/:id/tools/:toolId')
  @HttpCode(204)
  @Access('agents:write')
  delete(@Param('id', IdPipe) id: string, @Param('toolId', IdPipe) toolId: string): Promise<void> {
    return this.grants.delete(id, toolId);
  }
}
