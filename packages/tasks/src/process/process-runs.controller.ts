import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { CreateProcessRunDto, ProcessRunDto, ProcessRunPage, ProcessRunQuery } from './process-run.dto.js';
import { ProcessRunsService } from './process-runs.service.js';

@ApiTags('processes')
@Controller('v1')
export class ProcessRunsController {
  constructor(private readonly runs: ProcessRunsService) {}

  /** Runs a process: creates a root task and a task for each step, all or none. */
  @Post('processes/:id/runs')
  @Access('tasks:write', { location: '/v1/process-runs' })
  create(@Param('id', IdPipe) id: string, @Body() input: CreateProcessRunDto): Promise<ProcessRunDto> {
    return this.runs.create(id, input);
  }

  /** Lists the runs of a process, newest first. */
  @Get('processes/:id/runs')
  @Access('tasks:read')
  list(@Param('id', IdPipe) id: string, @Query() query: ProcessRunQuery): Promise<ProcessRunPage> {
    return this.runs.list(id, query);
  }

  /** Reads a run with the tasks of its steps. */
  @Get('process-runs/:id')
  @Access('tasks:read')
  get(@Param('id', IdPipe) id: string): Promise<ProcessRunDto> {
    return this.runs.get(id);
  }
}
