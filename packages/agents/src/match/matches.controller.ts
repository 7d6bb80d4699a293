import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { MatchDto, MatchesDto } from './match.dto.js';
import { MatchesService } from './matches.service.js';

@ApiTags('agents')
@Controller('v1/agents/matches')
export class MatchesController {
  constructor(private readonly matches: MatchesService) {}

  /** Finds the agents that fit requirements best, with the reasons. */
  @Post()
  @HttpCode(200)
  @Access('agents:read')
  list(@Body() input: MatchDto): Promise<MatchesDto> {
    return this.matches.list(input);
  }
}
