import { Body, Controller, Get, Param, Post, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, PageQuery } from '@agent-hive/kernel/http';
import { AgentDecisionQuery, CreateDecisionDto, DecisionDto, DecisionFeedbackDto, DecisionPage } from './decision.dto.js';
import { DecisionsService } from './decisions.service.js';

@ApiTags('decisions')
@Controller('v1')
export class DecisionsController {
  constructor(private readonly decisions: DecisionsService) {}

  /** Records a decision of the session's agent, and says whether it may be acted on. */
  @Post('sessions/:id/decisions')
  @Access('decisions:write', { location: '/v1/decisions' })
  create(@Param('id', IdPipe) id: string, @Body() input: CreateDecisionDto): Promise<DecisionDto> {
    return this.decisions.create(id, input);
  }

  /** Lists the decisions of a session, newest first. */
  @Get('sessions/:id/decisions')
  @Access('decisions:read')
  listOfSession(@Param('id', IdPipe) id: string, @Query() query: PageQuery): Promise<DecisionPage> {
    return this.decisions.listOfSession(id, query);
  }

  /** Lists the decisions of an agent, newest first. */
  @Get('agents/:id/decisions')
  @Access('decisions:read')
  listOfAgent(@Param('id', IdPipe) id: string, @Query() query: AgentDecisionQuery): Promise<DecisionPage> {
    return this.decisions.listOfAgent(id, query);
  }

  /** Reads a decision. */
  @Get('decisions/:id')
  @Access('decisions:read')
  get(@Param('id', IdPipe) id: string): Promise<DecisionDto> {
    return this.decisions.get(id);
  }

  /** Says what a person thinks of a decision, once; the agent's levels follow. */
  @Put('decisions/:id/feedback')
  @Access('decisions:judge')
  judge(@Param('id', IdPipe) id: string, @Body() input: DecisionFeedbackDto): Promise<DecisionDto> {
    return this.decisions.judge(id, input);
  }
}
