import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, PageQuery } from '@agent-hive/kernel/http';
import { AgentTrustDto, LevelChangePage } from './trust.dto.js';
import { TrustService } from './trust.service.js';

@ApiTags('trust')
@Controller('v1/agents/:id/trust')
export class TrustController {
  constructor(private readonly trust: TrustService) {}

  /** Reads how far an agent is trusted, by action class, with what that rests on. */
  @Get()
  @Access('trust:read')
  get(@Param('id', IdPipe) id: string): Promise<AgentTrustDto> {
    return this.trust.get(id);
  }

  /** Lists the changes of an agent's levels with their evidence, newest first. */
  @Get('changes')
  @Access('trust:read')
  listChanges(@Param('id', IdPipe) id: string, @Query() query: PageQuery): Promise<LevelChangePage> {
    return this.trust.listChanges(id, query);
  }
}
