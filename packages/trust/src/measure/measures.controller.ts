import { Body, Controller, Delete, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { CreateFreezeDto, CreateIncidentDto, CreateOverrideDto, FreezeDto, IncidentDto, OverrideDto } from './measure.dto.js';
import { MeasuresService } from './measures.service.js';

@ApiTags('trust')
@Controller('v1/agents/:id')
export class MeasuresController {
  constructor(private readonly measures: MeasuresService) {}

  /** Puts a level in place of the earned one, for a reason and for a time. */
  @Post('trust/overrides')
  @Access('trust:write')
  override(@Param('id', IdPipe) id: string, @Body() input: CreateOverrideDto): Promise<OverrideDto> {
    return this.measures.override(id, input);
  }

  /** Ends an override before its time. */
  @Delete('trust/overrides/:overrideId')
  @HttpCode(204)
  @Access('trust:write')
  liftOverride(@Param('id', IdPipe) id: string, @Param('overrideId', IdPipe) overrideId: string): Promise<void> {
    return this.measures.liftOverride(id, overrideId);
  }

  /** Keeps every level of the agent from rising. */
  @Post('trust/freezes')
  @Access('trust:write')
  freeze(@Param('id', IdPipe) id: string, @Body() input: CreateFreezeDto): Promise<FreezeDto> {
    return this.measures.freeze(id, input);
  }

  /** Lets the levels of the agent rise again. */
  @Delete('trust/freezes/:freezeId')
  @HttpCode(204)
  @Access('trust:write')
  liftFreeze(@Param('id', IdPipe) id: string, @Param('freezeId', IdPipe) freezeId: string): Promise<void> {
    return this.measures.liftFreeze(id, freezeId);
  }

  /** Reports what went wrong by the agent; a critical incident takes all of its trust at once. */
  @Post('incidents')
  @Access('trust:report')
  report(@Param('id', IdPipe) id: string, @Body() input: CreateIncidentDto): Promise<IncidentDto> {
    return this.measures.report(id, input);
  }
}
