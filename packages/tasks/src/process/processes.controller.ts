import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { CreateProcessDto, ProcessDto, ProcessPage, ProcessQuery, UpdateProcessDto } from './process.dto.js';
import { ProcessesService } from './processes.service.js';

@ApiTags('processes')
@Controller('v1/processes')
export class ProcessesController {
  constructor(private readonly processes: ProcessesService) {}

  /** Creates a process with its first version. */
  @Post()
  @Access('processes:write', { etag: true, location: '/v1/processes' })
  create(@Body() input: CreateProcessDto): Promise<ProcessDto> {
    return this.processes.create(input);
  }

  /** Lists processes, newest first. */
  @Get()
  @Access('tasks:read')
  list(@Query() query: ProcessQuery): Promise<ProcessPage> {
    return this.processes.list(query);
  }

  /** Reads a process with what its latest version says. */
  @Get(':id')
  @Access('tasks:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<ProcessDto> {
    return this.processes.get(id);
  }

  /** Changes name and description of a process. */
  @Patch(':id')
  @Access('processes:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateProcessDto, @IfMatch() revision: number | null): Promise<ProcessDto> {
    return this.processes.update(id, input, revision);
  }

  /** Deletes a process that never ran and that no schedule starts. */
  @Delete(':id')
  @HttpCode(204)
  @Access('processes:write', { ifMatch: true })
  delete(@Param('id', IdPipe) id: string, @IfMatch() revision: number | null): Promise<void> {
    return this.processes.delete(id, revision);
  }
}
