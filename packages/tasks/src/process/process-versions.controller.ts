import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { CreateProcessVersionDto, ProcessVersionDto, ProcessVersionPage, ProcessVersionParams, ProcessVersionQuery } from './process-version.dto.js';
import { ProcessVersionsService } from './process-versions.service.js';

@ApiTags('processes')
@Controller('v1/processes/:id/versions')
export class ProcessVersionsController {
  constructor(private readonly versions: ProcessVersionsService) {}

  /** Adds the next version of a process, which runs from now on; earlier ones stay as they are. */
  @Post()
  @Access('processes:write')
  create(@Param('id', IdPipe) id: string, @Body() input: CreateProcessVersionDto): Promise<ProcessVersionDto> {
    return this.versions.create(id, input);
  }

  /** Lists the versions of a process, newest first. */
  @Get()
  @Access('tasks:read')
  list(@Param('id', IdPipe) id: string, @Query() query: ProcessVersionQuery): Promise<ProcessVersionPage> {
    return this.versions.list(id, query);
  }

  /** Reads one version of a process. */
  @Get(':number')
  @Access('tasks:read')
  get(@Param() { id, number }: ProcessVersionParams): Promise<ProcessVersionDto> {
    return this.versions.get(id, number);
  }
}
