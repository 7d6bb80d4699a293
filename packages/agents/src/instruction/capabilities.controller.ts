import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { CapabilitiesService } from './capabilities.service.js';
import { CapabilitiesDto, PutCapabilitiesDto } from './capability.dto.js';

@ApiTags('instructions')
@Controller('v1/agents/:id/instructions/capabilities')
export class CapabilitiesController {
  constructor(private readonly capabilities: CapabilitiesService) {}

  /** Lists the capabilities of an agent's instruction by name. */
  @Get()
  @Access('agents:read')
  list(@Param('id', IdPipe) id: string): Promise<CapabilitiesDto> {
    return this.capabilities.list(id);
  }

  /** Replaces the capabilities of an agent's instruction. */
  @Put()
  @Access('agents:write')
  replace(@Param('id', IdPipe) id: string, @Body() input: PutCapabilitiesDto): Promise<CapabilitiesDto> {
    return this.capabilities.replace(id, input);
  }
}
