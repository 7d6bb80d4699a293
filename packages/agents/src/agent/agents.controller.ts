import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { InsightsService } from '../insight/insights.service.js';
import { AgentDto, AgentIncludes, AgentPage, AgentQuery, CreateAgentDto, ExternalIdParams, UpdateAgentDto, UpsertAgentDto } from './agent.dto.js';
import { AgentsService } from './agents.service.js';

@ApiTags('agents')
@Controller('v1/agents')
export class AgentsController {
  constructor(
    private readonly agents: AgentsService,
    private readonly insights: InsightsService,
  ) {}

  /** Registers an agent. */
  @Post()
  @Access('agents:write', { etag: true, location: '/v1/agents' })
  create(@Body() input: CreateAgentDto): Promise<AgentDto> {
    return this.agents.create(input);
  }

  /** Lists agents, newest first. */
  @Get()
  @Access('agents:read')
  list(@Query() query: AgentQuery): Promise<AgentPage> {
    return this.agents.list(query);
  }

  /** Reads an agent by the id that its caller knows it by. */
  @Get('by-external-id/:externalId')
  @Access('agents:read', { etag: true })
  getByExternalId(@Param() { externalId }: ExternalIdParams): Promise<AgentDto> {
    return this.agents.getByExternalId(externalId);
  }

  /** Creates the agent of an external id, or gives it these values. */
  @Put('by-external-id/:externalId')
  @Access('agents:write', { etag: true, location: '/v1/agents' })
  @ApiOkResponse({ type: AgentDto })
  @ApiCreatedResponse({ type: AgentDto })
  async upsert(
    @Param() { externalId }: ExternalIdParams,
    @Body() input: UpsertAgentDto,
    @IfMatch() version: number | null | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentDto> {
    const { agent, created } = await this.agents.upsert(externalId, input, version);
    if (created) void reply.code(201);
    return agent;
  }

  /** Reads an agent, with fresh insights or its tools when asked. */
  @Get(':id')
  @Access('agents:read', { etag: true })
  get(@Param('id', IdPipe) id: string, @Query() { include = [] }: AgentIncludes): Promise<AgentDto> {
    const options = { tools: include.includes('tools') };
    return include.includes('insights') ? this.insights.getAgent(id, options) : this.agents.get(id, options);
  }

  /** Changes an agent. */
  @Patch(':id')
  @Access('agents:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateAgentDto, @IfMatch() version: number | null): Promise<AgentDto> {
    return this.agents.update(id, input, version);
  }

  /** Deletes an agent that has no history; one that has is shut down instead. */
  @Delete(':id')
  @HttpCode(204)
  @Access('agents:write', { ifMatch: true })
  delete(@Param('id', IdPipe) id: string, @IfMatch() version: number | null): Promise<void> {
    return this.agents.delete(id, version);
  }
}
