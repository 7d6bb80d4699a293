import { Body, Controller, Delete, Get, HttpCode, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { AgentTypeDto, AgentTypeParams, AgentTypesDto, PutAgentTypeDto } from './agent-type.dto.js';
import { AgentTypesService } from './agent-types.service.js';

@ApiTags('agents')
@Controller('v1/agent-types')
export class AgentTypesController {
  constructor(private readonly types: AgentTypesService) {}

  /** Lists the types that agents of this tenant may have. */
  @Get()
  @Access('agents:read')
  list(): Promise<AgentTypesDto> {
    return this.types.list();
  }

  /** Adds a type for this tenant. */
  @Put(':name')
  @Access('agents:write')
  upsert(@Param() { name }: AgentTypeParams, @Body() input: PutAgentTypeDto): Promise<AgentTypeDto> {
    return this.types.upsert(name, input);
  }

  /** Takes back a type that no agent has. */
  @Delete(':name')
  @HttpCode(204)
  @Access('agents:write')
  delete(@Param() { name }: AgentTypeParams): Promise<void> {
    return this.types.delete(name);
  }
}
