import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { AssignedAgentPage, AssignedMcpServerDto, AssignedMcpServerPage, McpServerAssignmentQuery, PutMcpServerAssignmentDto } from './mcp-server-assignment.dto.js';
import { McpServerAssignmentsService } from './mcp-server-assignments.service.js';

@ApiTags('mcp-servers')
@Controller('v1')
export class McpServerAssignmentsController {
  constructor(private readonly assignments: McpServerAssignmentsService) {}

  /** Lists the MCP servers of an agent, the newest server first. */
  @Get('agents/:id/mcp-servers')
  @Access('agents:read')
  list(@Param('id', IdPipe) id: string, @Query() query: McpServerAssignmentQuery): Promise<AssignedMcpServerPage> {
    return this.assignments.list(id, query);
  }

  /** Lists the agents of an MCP server, the newest agent first. */
  @Get('mcp-servers/:id/agents')
  @Access('agents:read')
  listAgents(@Param('id', IdPipe) id: string, @Query() query: McpServerAssignmentQuery): Promise<AssignedAgentPage> {
    return this.assignments.listAgents(id, query);
  }

  /** Assigns an agent an MCP server, or replaces the assignment that it has. */
  @Put('agents/:id/mcp-servers/:serverId')
  @Access('agents:write')
  @ApiOkResponse({ type: AssignedMcpServerDto })
  @ApiCreatedResponse({ type: AssignedMcpServerDto })
  async upsert(
    @Param('id', IdPipe) id: string,
    @Param('serverId', IdPipe) serverId: string,
    @Body() input: PutMcpServerAssignmentDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AssignedMcpServerDto> {
    const { assignment, created } = await this.assignments.upsert(id, serverId, input);
    if (created) void reply.code(201);
    return assignment;
  }

  /** Takes an assignment back. */
  @Delete('agents/:id/mcp-servers/:serverId')
  @HttpCode(204)
  @Access('agents:write')
  delete(@Param('id', IdPipe) id: string, @Param('serverId', IdPipe) serverId: string): Promise<void> {
    return this.assignments.delete(id, serverId);
  }
}
