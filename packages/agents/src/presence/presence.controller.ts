import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { HeartbeatDto, PresenceDto, StatusChangePage, StatusChangeQuery } from './presence.dto.js';
import { PresenceService } from './presence.service.js';

@ApiTags('agents')
@Controller('v1/agents/:id')
export class PresenceController {
  constructor(private readonly presence: PresenceService) {}

  /** Takes an agent's sign of life. */
  @Post('heartbeat')
  @HttpCode(200)
  @Access('agents:heartbeat')
  heartbeat(@Param('id', IdPipe) id: string, @Body() input: HeartbeatDto): Promise<PresenceDto> {
    return this.presence.heartbeat(id, input);
  }

  /** Lists the changes of an agent's status, newest first. */
  @Get('status-changes')
  @Access('agents:read')
  listChanges(@Param('id', IdPipe) id: string, @Query() query: StatusChangeQuery): Promise<StatusChangePage> {
    return this.presence.listChanges(id, query);
  }
}
