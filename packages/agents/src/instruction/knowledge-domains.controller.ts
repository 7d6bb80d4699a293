import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { KnowledgeDomainsDto, PutKnowledgeDomainsDto } from './knowledge-domain.dto.js';
import { KnowledgeDomainsService } from './knowledge-domains.service.js';

@ApiTags('instructions')
@Controller('v1/agents/:id/knowledge-domains')
export class KnowledgeDomainsController {
  constructor(private readonly domains: KnowledgeDomainsService) {}

  /** Lists the knowledge domains of an agent, the highest priority first. */
  @Get()
  @Access('agents:read')
  list(@Param('id', IdPipe) id: string): Promise<KnowledgeDomainsDto> {
    return this.domains.list(id);
  }

  /** Replaces the knowledge domains of an agent. */
  @Put()
  @Access('agents:write')
  replace(@Param('id', IdPipe) id: string, @Body() input: PutKnowledgeDomainsDto): Promise<KnowledgeDomainsDto> {
    return this.domains.replace(id, input);
  }
}
